/** DNS over UDP: one socket on one address. */
import type { RemoteInfo, SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { UDPServer } from 'dns2';
import type { Counters } from './counters.ts';
import type { PacketTable } from './fast/packet-table.ts';
import { RESPONSE_ROOM, type Respond } from './respond.ts';
import type { UdpSocket } from './udp-transport.ts';

/** What the kernel may hold for us in either direction while we are busy; it grants less where its limit is lower. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** Answers that wait for the kernel at most; further ones are lost, as UDP may. */
const MAX_QUEUED = 1024;
/** Turns of the event loop without a packet after which the kernel has none either. */
const QUIET_TURNS = 2;
/** Each round of draining takes what came while the last one answered, which is less and less. */
const DRAIN_ROUNDS = 50;

export interface UdpDeps {
  readonly respond: Respond;
  readonly counters: Counters;
  /** Whether other sockets of this user may have the same address and port (SO_REUSEPORT). */
  readonly reusePort: boolean;
  readonly table: PacketTable;
}

/**
 * dns2's UDP server, with the query path in front of its parser: {@link handle} is where dns2 receives a
 * packet, before it has looked at it.
 */
export class UdpListener extends UDPServer {
  readonly #respond: Respond;
  readonly #counters: Counters;
  readonly #table: PacketTable;
  #out = Buffer.allocUnsafeSlow(RESPONSE_ROOM.udp);
  #hold: ((query: Buffer, client: RemoteInfo) => void) | undefined;

  constructor(family: 'udp4' | 'udp6', deps: UdpDeps) {
    const options: SocketOptions = {
      type: family,
      ipv6Only: family === 'udp6',
      reusePort: deps.reusePort,
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses come as numbers from the kernel: a name look-up per answer would only cost time.
      lookup: (address, _options, callback) => callback(null, address, 0),
    };
    // dns2 hands its `type` to dgram.Socket as it is, which takes a whole set of options there.
    super({ type: options as unknown as 'udp4' });
    this.#respond = deps.respond;
    this.#counters = deps.counters;
    this.#table = deps.table;
  }

  /**
   * Answers all that has reached this socket while another one takes what comes now. A connected socket gets
   * packets of its peer alone, so that the kernel passes this one over (Linux, net/core/sock_reuseport.c); but
   * it sends to that peer alone as well. So it is connected, to itself, while it reads, and not while it answers,
   * until it was connected and had nothing to read. Then closing it loses no query.
   */
  async drain(): Promise<void> {
    const { address, port } = this.address();
    for (let round = 0; round < DRAIN_ROUNDS; round++) {
      const held: (readonly [Buffer, RemoteInfo])[] = [];
      this.#hold = (query, client) => held.push([query, client]);
      this.connect(port, address);
      await once(this, 'connect');
      for (let before = -1; before !== held.length;) {
        before = held.length;
        for (let turn = 0; turn < QUIET_TURNS; turn++) await nextTurn();
      }
      if (held.length === 0) return;
      this.disconnect();
      this.#hold = undefined;
      for (const [query, client] of held) this.handle(query, client);
    }
  }

  override handle(query: Buffer, client: RemoteInfo): void {
    if (this.#hold !== undefined) {
      this.#hold(query, client);
      return;
    }
    const queued = this.getSendQueueCount();
    // Nobody listens on port 0, and dgram throws on it.
    if (client.port === 0 || queued > MAX_QUEUED) {
      this.#counters.dropped++;
      return;
    }
    const table = this.#table;
    // While answers wait for the kernel, the bytes that the table writes are not its own to change.
    const answer = queued === 0 ? table.answer(query, client.address) : undefined;
    if (answer !== undefined) {
      if (answer.length > 0) this.send(answer, client.port, client.address);
      return;
    }
    // The kernel takes an answer at once or, when its buffer is full, later; then the bytes are not ours to change.
    if (queued > 0) this.#out = Buffer.allocUnsafeSlow(RESPONSE_ROOM.udp);
    const length = this.#respond(
      query,
      query.length,
      client,
      'udp',
      this.#out,
      queued === 0 ? table.miss : undefined,
    );
    if (length > 0) this.send(this.#out, 0, length, client.port, client.address);
  }
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
    close: async () => {
      if (deps.reusePort) await socket.drain();
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}
