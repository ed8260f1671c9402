/** The connections of one listener, over TCP or TLS: how many there may be, and how they end together. */
import { isIPv4, type Socket } from 'node:net';
import { ipBytes } from '../api/ip.ts';
import { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import { type Respond, RESPONSE_ROOM } from './respond.ts';
import type { ShimSessions } from './shim-sessions.ts';

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
  /**
   * Where there are as many connections as may be, a new one takes the place of the one that has been without
   * a query for longest, if that is this long; milliseconds.
   */
  readonly yieldMs: number;
}

export interface ConnectionsDeps {
  readonly respond: Respond;
  readonly counters: Counters;
  readonly limits: TcpLimits;
  readonly sessions: ShimSessions;
  /** Whether this peer may say in whose name it asks; its clients have limits, it has none. */
  readonly trusts: (address: string) => boolean;
  /** The messages of a zone transfer; absent where nobody may have one. */
  readonly transfer?: ((query: Buffer) => AsyncIterable<Buffer>) | undefined;
}

/** How a socket for both families writes the address of an IPv4 client (RFC 4291, 2.5.5.2). */
const MAPPED = /^::ffff:(?=[\d.]+$)/;

/** How long a connection may take to hand over its last answers when the server closes; milliseconds. */
const CLOSE_GRACE_MS = 1000;

export class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #out = Buffer.allocUnsafeSlow(RESPONSE_ROOM.tcp);
  // In order of their last queries, the longest silent one first.
  readonly #open = new Map<Socket, Connection>();
  // Client (see clientKey) → its connections.
  readonly #perClient = new Map<string, number>();

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
  }

  /** @param encrypted whether nobody else can read what goes over it */
  accept(socket: Socket, encrypted = false): void {
    const { counters, limits } = this.#deps;
    socket.on('error', () => counters.socketErrors++);
    const address = socket.remoteAddress?.replace(MAPPED, '');
    // A client that left again at once has no address.
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const trusted = this.#deps.trusts(address);
    // Whose connection it is: a trusted peer's own ones are nobody's until it has said whose.
    let owner = trusted ? undefined : clientKey(address);
    if ((owner !== undefined && !this.#mayHaveMore(owner)) || !this.#hasRoom()) {
      counters.tcpRefused++;
      socket.destroy();
      return;
    }
    counters.tcpAccepted++;
    counters.tcpOpen++;
    if (owner !== undefined) this.#count(owner, 1);
    socket.on('close', () => {
      counters.tcpOpen--;
      this.#open.delete(socket);
      if (owner !== undefined) this.#count(owner, -1);
    });
    const connection = new Connection(
      socket,
      { address, ...(encrypted && { encrypted }) },
      {
        ...this.#deps,
        session: this.#deps.sessions.accept(socket, address),
        idleMs: limits.idleMs,
        out: this.#out,
        onQuery: () => {
          // To the end of the order.
          this.#open.delete(socket);
          this.#open.set(socket, connection);
        },
        ...(trusted && {
          onProxied: (client) => {
            const key = clientKey(client);
            const admitted = this.#mayHaveMore(key);
            if (!admitted) counters.tcpRefused++;
            else this.#count((owner = key), 1);
            return admitted;
          },
        }),
      },
    );
    this.#open.set(socket, connection);
  }

  /**
   * Lets every connection end when its client is quiet, and makes it end after a second.
   * @param closed fulfilled when all are
   * @param onGraceOver ends what is open beside them
   */
  async shutDown(closed: Promise<unknown>, onGraceOver: () => void = () => {}): Promise<void> {
    for (const connection of this.#open.values()) connection.retire();
    const grace = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
      onGraceOver();
    }, CLOSE_GRACE_MS);
    await closed;
    clearTimeout(grace);
  }

  #mayHaveMore(key: string): boolean {
    return (this.#perClient.get(key) ?? 0) < this.#deps.limits.connectionsPerClient;
  }

  #count(key: string, difference: number): void {
    const now = (this.#perClient.get(key) ?? 0) + difference;
    if (now === 0) this.#perClient.delete(key);
    else this.#perClient.set(key, now);
  }

  /** Whoever sends half a query and waits must not keep out those who ask: the longest silent one goes. */
  #hasRoom(): boolean {
    const { counters, limits } = this.#deps;
    if (this.#open.size < limits.connections) return true;
    const [longest] = this.#open;
    if (longest === undefined || performance.now() - longest[1].lastQueryAt < limits.yieldMs) return false;
    counters.tcpTimedOut++;
    this.#open.delete(longest[0]);
    longest[0].destroy();
    return true;
  }
}

/** What counts as one client: whoever has an IPv6 address has the other 2^64 of its network too. */
function clientKey(address: string): string {
  if (isIPv4(address)) return address;
  const [plain = ''] = address.split('%');
  return Buffer.from(ipBytes(plain).subarray(0, 8)).toString('hex');
}
