/** One client's stream of queries, over TCP or TLS (RFC 7766, 7858): framing, back-pressure, silence, end. */
import type { Socket } from 'node:net';
import type { Client } from './client.ts';
import type { Counters } from './counters.ts';
import { FrameReader } from './frames.ts';
import { putUint16 } from './header.ts';
import { readProxyHeader } from './proxy-protocol.ts';
import { type Respond, TRANSFER } from './respond.ts';
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
  /** The messages of a zone transfer, for clients that may have it. */
  readonly transfer?: ((query: Buffer) => AsyncIterable<Buffer>) | undefined;
  /** Told before each whole query is answered. */
  readonly onQuery: () => void;
  /**
   * Where the peer is trusted to say who its client is: told of that client, before its first query.
   * @returns whether it may have a connection
   */
  readonly onProxied?: (address: string) => boolean;
}

export class Connection {
  /** When the last whole query came, or the connection; by `performance.now()`. */
  lastQueryAt = performance.now();
  readonly #socket: Socket;
  #client: Client;
  #session: ShimSession | undefined;
  // What was received of a header that may come first, from trusted peers.
  #beginning: Buffer | undefined;
  readonly #deps: ConnectionDeps;
  readonly #frames = new FrameReader();
  readonly #idle: NodeJS.Timeout;
  #blocked = false;
  #ended = false;
  #transferring = false;
  #retiring: NodeJS.Timeout | undefined;

  constructor(socket: Socket, client: Client, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#client = { ...client, idleTenths: Math.round(deps.idleMs / 100) };
    this.#deps = deps;
    this.#session = deps.session;
    if (deps.onProxied !== undefined) this.#beginning = Buffer.alloc(0);
    this.#idle = setTimeout(() => {
      deps.counters.tcpTimedOut++;
      socket.destroy();
    }, deps.idleMs);
    this.#idle.unref();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      const stream = this.#beginning === undefined ? chunk : this.#afterHeader(chunk);
      if (stream === undefined) return;
      this.#frames.push(stream);
      this.#answer();
    });
    socket.on('drain', () => {
      if (this.#transferring) return;
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
    if (this.#retiring === undefined) this.#session?.retire();
    // RFC 7828, 3.2.2: with no time left a client shall not send more.
    this.#client = { ...this.#client, idleTenths: 0 };
    this.#retiring ??= setTimeout(() => this.#socket.end(), QUIET_MS);
  }

  /** Reads the PROXY header, where there is one. @returns the bytes behind it; undefined where it is not whole yet */
  #afterHeader(chunk: Buffer): Buffer | undefined {
    const beginning = Buffer.concat([this.#beginning ?? chunk, chunk]);
    const header = readProxyHeader(beginning);
    if (header.is === 'incomplete') {
      this.#beginning = beginning;
      return undefined;
    }
    this.#beginning = undefined;
    if (header.is === 'absent') return beginning;
    if (header.is === 'header') {
      const { source } = header;
      if (source !== undefined) {
        // What the proxy may do, whoever is behind it may not.
        this.#session = undefined;
        this.#client = { ...this.#client, address: source };
      }
      if (source === undefined || this.#deps.onProxied?.(source) === true) {
        return beginning.subarray(header.length);
      }
    }
    this.#socket.destroy();
    return undefined;
  }

  #answer(): void {
    const socket = this.#socket;
    const session = this.#session;
    const { respond, out, onQuery } = this.#deps;
    socket.cork();
    let query: Buffer | undefined;
    // A client that does not read its answers gets no more of them until it does.
    while (!this.#blocked && socket.writable && (query = this.#frames.next()) !== undefined) {
      this.#idle.refresh();
      this.#retiring?.refresh();
      this.lastQueryAt = performance.now();
      onQuery();
      const length = session?.respond(query, out) ?? respond(query, query.length, this.#client, 'tcp', out);
      if (length === TRANSFER) {
        void this.#transfer(query);
        break;
      }
      if (length > 0) this.#blocked = !socket.write(framed(out, length));
    }
    socket.uncork();
    if (this.#blocked) socket.pause();
    else if (this.#ended) socket.end();
  }

  /** Sends a zone, as fast as the client takes it. What it asks meanwhile is answered after that. */
  async #transfer(query: Buffer): Promise<void> {
    const socket = this.#socket;
    this.#blocked = true;
    this.#transferring = true;
    try {
      for await (const message of this.#deps.transfer?.(query) ?? []) {
        if (socket.destroyed) return;
        this.#idle.refresh();
        this.#retiring?.refresh();
        if (!socket.write(framed(message, message.length))) await drained(socket);
      }
    } catch {
      // The client cannot know how much is missing, unless the connection ends.
      this.#deps.counters.failures++;
      socket.destroy();
    }
    this.#transferring = false;
    this.#blocked = false;
    socket.resume();
    this.#answer();
  }
}

/** Resolves when the socket takes more, or takes nothing any more. */
function drained(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    socket.off('drain', done).off('close', done);
    resolve();
  };
  socket.on('drain', done).on('close', done);
  return promise;
}

function framed(message: Buffer, length: number): Buffer {
  const frame = Buffer.allocUnsafe(2 + length);
  putUint16(frame, 0, length);
  message.copy(frame, 2, 0, length);
  return frame;
}
