/** DNS over TCP (RFC 7766, 9210): pipelined queries on connections that cost others nothing. */
import { once } from 'node:events';
import { type AddressInfo, isIPv4, type Socket } from 'node:net';
import { TCPServer } from 'dns2';
import { ipBytes } from '../api/ip.ts';
import type { Counters } from './counters.ts';
import { FrameReader } from './frames.ts';
import { putUint16 } from './header.ts';
import { type Respond, RESPONSE_ROOM } from './respond.ts';

export interface TcpLimits {
  /** Connections at a time, overall. */
  readonly connections: number;
  /** Connections at a time from one client: an IPv4 address, or an IPv6 network of 64 bits. */
  readonly connectionsPerClient: number;
  /**
   * How long a connection may go without a whole query, or without its client reading its answers, before it
   * is closed; milliseconds (RFC 7766, 6.2.3).
   */
  readonly idleMs: number;
}

interface TcpDeps {
  readonly respond: Respond;
  readonly counters: Counters;
  readonly limits: TcpLimits;
}

/** How a socket for both families writes the address of an IPv4 client (RFC 4291, 2.5.5.2). */
const MAPPED = /^::ffff:(?=[\d.]+$)/;

/** How long a connection may take to hand over its last answers when the server closes; milliseconds. */
const CLOSE_GRACE_MS = 1000;

/**
 * dns2's TCP server with framing of our own: dns2 reads queries as fast as they come, and keeps the answers
 * until the client takes them, however many there are.
 */
class TcpListener extends TCPServer {
  readonly #deps: TcpDeps;
  readonly #out = Buffer.allocUnsafeSlow(RESPONSE_ROOM.tcp);
  readonly #connections = new Set<Socket>();
  // Client (see clientKey) → its connections.
  readonly #perClient = new Map<string, number>();
  #closing = false;

  constructor(deps: TcpDeps) {
    super();
    this.#deps = deps;
  }

  /** dns2 calls this for each connection. */
  handle(socket: Socket): void {
    const { counters, limits } = this.#deps;
    socket.on('error', () => counters.socketErrors++);
    const address = socket.remoteAddress?.replace(MAPPED, '');
    // A client that left again at once has no address.
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const key = clientKey(address);
    const ofClient = this.#perClient.get(key) ?? 0;
    if (this.#connections.size >= limits.connections || ofClient >= limits.connectionsPerClient) {
      counters.tcpRefused++;
      socket.destroy();
      return;
    }
    counters.tcpAccepted++;
    counters.tcpOpen++;
    this.#connections.add(socket);
    this.#perClient.set(key, ofClient + 1);
    socket.on('close', () => {
      counters.tcpOpen--;
      this.#connections.delete(socket);
      const left = this.#perClient.get(key)! - 1;
      if (left === 0) this.#perClient.delete(key);
      else this.#perClient.set(key, left);
    });
    this.#serve(socket, address);
  }

  #serve(socket: Socket, address: string): void {
    const { counters, limits, respond } = this.#deps;
    const client = { address };
    const frames = new FrameReader();
    let blocked = false;
    let ended = false;
    const idle = setTimeout(() => {
      counters.tcpTimedOut++;
      socket.destroy();
    }, limits.idleMs);
    idle.unref();

    const answer = (): void => {
      socket.cork();
      let query: Buffer | undefined;
      // A client that does not read its answers gets no more of them until it does.
      while (!blocked && (query = frames.next()) !== undefined) {
        idle.refresh();
        const length = respond(query, query.length, client, 'tcp', this.#out);
        if (length > 0) blocked = !socket.write(framed(this.#out, length));
      }
      socket.uncork();
      if (blocked) socket.pause();
      else if (ended) socket.end();
    };
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      if (this.#closing) return;
      frames.push(chunk);
      answer();
    });
    socket.on('drain', () => {
      idle.refresh();
      blocked = false;
      socket.resume();
      if (!this.#closing) answer();
    });
    socket.on('end', () => {
      ended = true;
      if (!blocked) socket.end();
    });
    socket.on('close', () => clearTimeout(idle));
  }

  /** Stops accepting, lets what was answered go out, and closes every connection. */
  async shutDown(): Promise<void> {
    const closed = new Promise((resolve) => this.close(resolve));
    this.#closing = true;
    for (const socket of this.#connections) {
      socket.end();
      // Queries that still come are read, since closing over unread ones would reset the connection, and answers
      // on their way would be lost.
      socket.resume();
    }
    const grace = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy();
    }, CLOSE_GRACE_MS);
    await closed;
    clearTimeout(grace);
  }
}

function framed(message: Buffer, length: number): Buffer {
  const frame = Buffer.allocUnsafe(2 + length);
  putUint16(frame, 0, length);
  message.copy(frame, 2, 0, length);
  return frame;
}

/** What counts as one client: whoever has an IPv6 address has the other 2^64 of its network too. */
function clientKey(address: string): string {
  if (isIPv4(address)) return address;
  const [plain = ''] = address.split('%');
  return Buffer.from(ipBytes(plain).subarray(0, 8)).toString('hex');
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
  try {
    await listen(server, address, port);
  } catch (error) {
    // "::" asks for both families, and gets the one that the host has.
    if (address !== '::' || (error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
    await listen(server, '0.0.0.0', port);
  }
  server.on('error', () => deps.counters.socketErrors++);
  return { port: (server.address() as AddressInfo).port, close: () => server.shutDown() };
}

async function listen(server: TcpListener, host: string, port: number): Promise<void> {
  const listening = once(server, 'listening');
  server.listen({ host, port, exclusive: true });
  await listening;
}
