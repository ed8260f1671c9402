/** One client's stream of queries, over TCP or TLS (RFC 7766, 7858): framing, back-pressure, silence, end. */
import type { Socket } from 'node:net';
import type { Counters } from './counters.ts';
import { FrameReader } from './frames.ts';
import { putUint16 } from './header.ts';
import type { Client, Respond } from './respond.ts';
import type { ShimSession } from './shim-sessions.ts';

/** How long a connection must be quiet before a server that closes ends it; milliseconds. */
const QUIET_MS = 100;

export interface ConnectionDeps {
  readonly respond: Respond;
  /** Where the client is a CoreDNS plugin of ours, or may be one: what it is asked first. */
  readonly session: ShimSession | undefined;
  readonly counters: Counters;
  /** See {@link TcpLimits}. */
  readonly idleMs: number;
  /** Scratch space for one response, shared by all connections: it is copied before anyone else writes. */
  readonly out: Buffer;
  /** Told after each whole query. */
  readonly onQuery: () => void;
}

export class Connection {
  /** When the last whole query came, or the connection; by `performance.now()`. */
  lastQueryAt = performance.now();
  readonly #socket: Socket;
  readonly #client: Client;
  readonly #deps: ConnectionDeps;
  readonly #frames = new FrameReader();
  readonly #idle: NodeJS.Timeout;
  #blocked = false;
  #ended = false;
  #retiring: NodeJS.Timeout | undefined;

  constructor(socket: Socket, client: Client, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#client = client;
    this.#deps = deps;
    this.#idle = setTimeout(() => {
      deps.counters.tcpTimedOut++;
      socket.destroy();
    }, deps.idleMs);
    this.#idle.unref();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#frames.push(chunk);
      this.#answer();
    });
    socket.on('drain', () => {
      this.#idle.refresh();
      this.#blocked = false;
      socket.resume();
      this.#answer();
    });
    socket.on('end', () => {
      this.#ended = true;
      if (!this.#blocked) socket.end();
    });
    socket.on('close', () => {
      clearTimeout(this.#idle);
      clearTimeout(this.#retiring);
    });
  }

  /**
   * Ends the connection as soon as its client is quiet: queries on their way are answered. What comes after that
   * is read and not answered, since closing over unread bytes would reset the connection, and take answers
   * with it that the client has not read.
   */
  retire(): void {
    if (this.#retiring === undefined) this.#deps.session?.retire();
    this.#retiring ??= setTimeout(() => this.#socket.end(), QUIET_MS);
  }

  #answer(): void {
    const socket = this.#socket;
    const { respond, session, out, onQuery } = this.#deps;
    socket.cork();
    let query: Buffer | undefined;
    // A client that does not read its answers gets no more of them until it does.
    while (!this.#blocked && socket.writable && (query = this.#frames.next()) !== undefined) {
      this.#idle.refresh();
      this.#retiring?.refresh();
      this.lastQueryAt = performance.now();
      onQuery();
      const length = session?.respond(query, out) ?? respond(query, query.length, this.#client, 'tcp', out);
      if (length > 0) this.#blocked = !socket.write(framed(out, length));
    }
    socket.uncork();
    if (this.#blocked) socket.pause();
    else if (this.#ended) socket.end();
  }
}

function framed(message: Buffer, length: number): Buffer {
  const frame = Buffer.allocUnsafe(2 + length);
  putUint16(frame, 0, length);
  message.copy(frame, 2, 0, length);
  return frame;
}
