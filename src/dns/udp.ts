/** DNS over UDP: one socket on one address. */
import type { RemoteInfo, SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { UDPServer } from 'dns2';
import type { Counters } from './counters.ts';
import { RESPONSE_ROOM, type Respond } from './respond.ts';

/** What the kernel may hold for us in either direction while we are busy; it grants less where its limit is lower. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** Answers that wait for the kernel at most; further ones are lost, as UDP may. */
const MAX_QUEUED = 1024;

interface UdpDeps {
  readonly respond: Respond;
  readonly counters: Counters;
}

/**
 * dns2's UDP server, with the query path in front of its parser: {@link handle} is where dns2 receives a
 * packet, before it has looked at it.
 */
export class UdpListener extends UDPServer {
  readonly #respond: Respond;
  readonly #counters: Counters;
  #out = Buffer.allocUnsafeSlow(RESPONSE_ROOM.udp);

  constructor(family: 'udp4' | 'udp6', deps: UdpDeps) {
    const options: SocketOptions = {
      type: family,
      ipv6Only: family === 'udp6',
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses come as numbers from the kernel: a name look-up per answer would only cost time.
      lookup: (address, _options, callback) => callback(null, address, 0),
    };
    // dns2 hands its `type` to dgram.Socket as it is, which takes a whole set of options there.
    super({ type: options as unknown as 'udp4' });
    this.#respond = deps.respond;
    this.#counters = deps.counters;
  }

  override handle(query: Buffer, client: RemoteInfo): void {
    const queued = this.getSendQueueCount();
    // Nobody listens on port 0, and dgram throws on it.
    if (client.port === 0 || queued > MAX_QUEUED) {
      this.#counters.dropped++;
      return;
    }
    // The kernel takes an answer at once or, when its buffer is full, later; then the bytes are not ours to change.
    if (queued > 0) this.#out = Buffer.allocUnsafeSlow(RESPONSE_ROOM.udp);
    const length = this.#respond(query, query.length, client, 'udp', this.#out);
    if (length > 0) this.send(this.#out, 0, length, client.port, client.address);
  }
}

export interface UdpSocket {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Opens a socket and answers on it until it is closed. Errors after that are counted, and end nothing.
 * @throws the system's error where the address cannot be bound
 */
export async function listenUdp(address: string, port: number, deps: UdpDeps): Promise<UdpSocket> {
  const socket = new UdpListener(isIPv6(address) ? 'udp6' : 'udp4', deps);
  const listening = once(socket, 'listening');
  // Exclusive: in a cluster of processes the socket is this one's own.
  socket.bind({ address, port, exclusive: true });
  try {
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on('error', () => deps.counters.socketErrors++);
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}
