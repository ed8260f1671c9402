/** DNS over TCP (RFC 7766, 9210): pipelined queries on connections that cost others nothing. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { TCPServer } from 'dns2';
import { Connections, type ConnectionsDeps } from './connections.ts';

export interface TcpDeps extends ConnectionsDeps {
  /** Whether other processes of this user may listen on the same address and port (SO_REUSEPORT). */
  readonly reusePort: boolean;
}

/**
 * dns2's TCP server with framing of our own: dns2 reads queries as fast as they come, and keeps the answers
 * until the client takes them, however many there are.
 */
class TcpListener extends TCPServer {
  readonly #open: Connections;

  constructor(deps: TcpDeps) {
    super();
    this.#open = new Connections(deps);
  }

  /** dns2 calls this for each connection. */
  handle(socket: Socket): void {
    this.#open.accept(socket);
  }

  /** Stops accepting, answers what is on its way, and closes every connection. */
  shutDown(): Promise<void> {
    return this.#open.shutDown(new Promise((resolve) => this.close(resolve)));
  }
}

export interface TcpSocket {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Accepts connections until it is closed. Errors after that are counted, and end nothing.
 * @throws the system's error where the address cannot be bound
 */
export async function listenTcp(address: string, port: number, deps: TcpDeps): Promise<TcpSocket> {
  const server = new TcpListener(deps);
  const listen = async (host: string): Promise<void> => {
    const listening = once(server, 'listening');
    server.listen({ host, port, exclusive: true, reusePort: deps.reusePort });
    await listening;
  };
  try {
    await listen(address);
  } catch (error) {
    // "::" asks for both families, and gets the one that the host has.
    if (address !== '::' || (error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
    await listen('0.0.0.0');
  }
  server.on('error', () => deps.counters.socketErrors++);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => server.shutDown(),
  };
}
