import { connect, type Socket } from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import type { ViciSection } from './vici-message.ts';
import { encodeRequest, type ViciPacket, ViciReader, type ViciRequest } from './vici-packet.ts';

export type ViciErrorCode = 'vici-closed' | 'vici-timeout' | 'vici-unknown' | 'vici-refused';

export class ViciError extends Error {
  override readonly name = 'ViciError';
  readonly code: ViciErrorCode;
  constructor(code: ViciErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const DEADLINE_MS = 5000;

/**
 * A connection to charon. The protocol has no request ids, so requests are sent one after the other, each
 * once the one before is answered; events may come at any time in between. Every call has a deadline: what
 * comes after it would be taken for the next answer, so the connection ends with it.
 */
export class ViciClient implements Disposable {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #reader = new ViciReader();
  readonly #listeners = new Map<string, (message: ViciSection) => void>(); // event → who is told
  readonly #closed = Promise.withResolvers<void>();
  #answer: ((packet: ViciPacket | ViciError) => void) | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #end: ViciError | undefined;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', (cause) =>
      this.#close(new ViciError('vici-closed', `The socket of charon broke: ${cause.message}`, { cause })),
    );
    socket.on('close', () => this.#close(new ViciError('vici-closed', 'charon closed the connection')));
  }

  /** @throws ViciError where nobody listens on the socket */
  static async connect(path: string, clock: Clock): Promise<ViciClient> {
    const { promise, resolve, reject } = Promise.withResolvers<ViciClient>();
    const socket = connect(path);
    const cancel = clock.after(DEADLINE_MS, () => {
      socket.destroy();
      reject(new ViciError('vici-timeout', `charon did not take the connection at ${path}`));
    });
    socket.once('error', (cause) => {
      cancel();
      reject(new ViciError('vici-closed', `Cannot reach charon at ${path}: ${cause.message}`, { cause }));
    });
    socket.once('connect', () => {
      cancel();
      resolve(new ViciClient(socket, clock));
    });
    return promise;
  }

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Resolves when the connection has ended, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Runs a command. Where charon answers `success = no` that is an error with its words.
   * @throws ViciError
   */
  async command(name: string, message: ViciSection = {}, deadlineMs = DEADLINE_MS): Promise<ViciSection> {
    const packet = await this.#request({ type: 'command', name, message }, deadlineMs);
    if (packet.type !== 'response') throw new ViciError('vici-unknown', `charon knows no command "${name}"`);
    const { success, errmsg } = packet.message;
    if (success === 'no') {
      throw new ViciError(
        'vici-refused',
        `charon refused "${name}": ${typeof errmsg === 'string' ? errmsg : 'it gave no reason'}`,
      );
    }
    return packet.message;
  }

  /** Runs a command that answers by a stream of events, and collects them. */
  async stream(name: string, event: string, message: ViciSection = {}): Promise<ViciSection[]> {
    const collected: ViciSection[] = [];
    await this.listen(event, (part) => collected.push(part));
    try {
      await this.command(name, message);
    } finally {
      this.#listeners.delete(event);
      if (!this.isClosed) await this.#request({ type: 'unregister', name: event }, DEADLINE_MS);
    }
    return collected;
  }

  /** Has `listener` told of an event from now on. It must not throw. */
  async listen(event: string, listener: (message: ViciSection) => void): Promise<void> {
    this.#listeners.set(event, listener);
    const { type } = await this.#request({ type: 'register', name: event }, DEADLINE_MS);
    if (type !== 'registered') throw new ViciError('vici-unknown', `charon knows no event "${event}"`);
  }

  [Symbol.dispose](): void {
    this.#close(new ViciError('vici-closed', 'The connection to charon was closed'));
  }

  #request(request: ViciRequest, deadlineMs: number): Promise<ViciPacket> {
    const work = this.#queue.then(() => this.#exchange(request, deadlineMs));
    this.#queue = work.catch(() => {});
    return work;
  }

  #exchange(request: ViciRequest, deadlineMs: number): Promise<ViciPacket> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const { promise, resolve, reject } = Promise.withResolvers<ViciPacket>();
    const cancel = this.#clock.after(deadlineMs, () => {
      this.#close(
        new ViciError('vici-timeout', `charon did not answer "${request.name}" within ${deadlineMs} ms`),
      );
    });
    this.#answer = (packet) => {
      cancel();
      this.#answer = undefined;
      if (packet instanceof ViciError) reject(packet);
      else resolve(packet);
    };
    try {
      this.#socket.write(encodeRequest(request));
    } catch (error) {
      cancel();
      this.#answer = undefined;
      reject(error);
    }
    return promise;
  }

  #receive(bytes: Buffer): void {
    try {
      for (const packet of this.#reader.push(bytes)) {
        if (packet.type === 'event') this.#listeners.get(packet.name)?.(packet.message);
        else this.#answer?.(packet);
      }
    } catch (cause) {
      this.#close(
        new ViciError('vici-closed', `charon sent what is no vici: ${(cause as Error).message}`, { cause }),
      );
    }
  }

  #close(reason: ViciError): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#socket.destroy();
    this.#answer?.(reason);
    this.#closed.resolve();
  }
}
