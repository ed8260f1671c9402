import { type Backoff, backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Returns numbers in [0, 1), as Math.random does. */
  readonly random: () => number;
  /** Waits between failures of one key. */
  readonly backoff: Backoff;
  /** At most this many keys are handed out per second, in the long run; so many at once after a rest. */
  readonly perSecond: number;
}

/** What the queue knows of a key; a key that is not pending, not processed and never failed is not held. */
interface Entry {
  state: 'resting' | 'delayed' | 'ready' | 'processing';
  /** Failures in a row. */
  failures: number;
  /** While delayed: when it becomes ready (monotonic), and how to call that off. */
  dueAt: number;
  cancel: (() => void) | undefined;
  /** While processing: added again meanwhile, to become ready at this time (monotonic) or when done, if later. */
  againAt: number | undefined;
}

/**
 * A queue of keys to work on. A key is in it once, however often it was added, and is never handed to two
 * takers at once; a key that is added while it is processed is handed out again afterwards. First in,
 * first out.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #entries = new Map<string, Entry>(); // key → state
  readonly #ready = new Set<string>(); // in order of arrival
  readonly #takers: ((key: string) => void)[] = [];
  readonly #idlers: (() => void)[] = [];
  #processing = 0;
  #delayed = 0;
  #tokens: number;
  #refilledAt: number;
  #tokenTimer: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#tokens = options.perSecond;
    this.#refilledAt = options.clock.monotonic();
  }

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Keys that wait for their time: added with a delay, or backing off after a failure. */
  get delayed(): number {
    return this.#delayed;
  }

  /** Keys that a worker is busy with. */
  get processing(): number {
    return this.#processing;
  }

  /**
   * Asks for `key` to be processed, not before `delayMs` from now. Where it is waiting already the
   * earlier time holds; so adding without delay ends a back-off: something changed, it is worth a try.
   */
  add(key: string, delayMs = 0): void {
    const entry = this.#entry(key);
    const at = this.#options.clock.monotonic() + delayMs;
    switch (entry.state) {
      case 'ready':
        return;
      case 'processing':
        entry.againAt = Math.min(entry.againAt ?? Infinity, at);
        return;
      case 'delayed':
        if (at >= entry.dueAt) return;
        break;
      case 'resting':
        break;
      default:
        entry.state satisfies never;
    }
    this.#schedule(key, entry, delayMs);
  }

  /** The next key, marked as processed until {@link done} or {@link failed}; undefined once `signal` aborts. */
  take(signal: AbortSignal): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    if (signal.aborted) {
      resolve(undefined);
      return promise;
    }
    const taker = (key: string): void => {
      signal.removeEventListener('abort', abort);
      resolve(key);
    };
    const abort = (): void => {
      this.#takers.splice(this.#takers.indexOf(taker), 1);
      resolve(undefined);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#takers.push(taker);
    this.#dispatch();
    return promise;
  }

  /** The key was processed: its failures are forgotten. */
  done(key: string): void {
    const entry = this.#finish(key);
    entry.failures = 0;
    this.#resume(key, entry);
  }

  /**
   * Processing the key failed: it comes again after its back-off, or after `minMs` if that is longer.
   * @returns the number of failures in a row, and the wait in milliseconds.
   */
  failed(key: string, minMs = 0): { failures: number; delayMs: number } {
    const entry = this.#finish(key);
    entry.failures++;
    const delayMs = Math.max(minMs, backoffMs(this.#options.backoff, entry.failures, this.#options.random()));
    const at = this.#options.clock.monotonic() + delayMs;
    entry.againAt = Math.min(entry.againAt ?? Infinity, at);
    this.#resume(key, entry);
    return { failures: entry.failures, delayMs };
  }

  /** Resolves when nothing is ready or processed. Keys that wait out a delay do not count. */
  idle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idlers.push(resolve);
    this.#tellIdle();
    return promise;
  }

  /** Drops all that waits, with its timers. What is being processed is not touched. */
  clear(): void {
    this.#tokenTimer?.();
    this.#tokenTimer = undefined;
    this.#ready.clear();
    for (const [key, entry] of this.#entries) {
      entry.againAt = undefined;
      if (entry.state === 'processing') continue;
      entry.cancel?.();
      this.#entries.delete(key);
    }
    this.#delayed = 0;
    this.#tellIdle();
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { state: 'resting', failures: 0, dueAt: 0, cancel: undefined, againAt: undefined };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #schedule(key: string, entry: Entry, delayMs: number): void {
    this.#undelay(entry);
    if (delayMs <= 0) {
      entry.state = 'ready';
      this.#ready.add(key);
      this.#dispatch();
      return;
    }
    entry.state = 'delayed';
    entry.dueAt = this.#options.clock.monotonic() + delayMs;
    this.#delayed++;
    entry.cancel = this.#options.clock.after(delayMs, () => this.#schedule(key, entry, 0));
  }

  #undelay(entry: Entry): void {
    if (entry.state !== 'delayed') return;
    entry.cancel?.();
    entry.cancel = undefined;
    this.#delayed--;
  }

  #finish(key: string): Entry {
    const entry = this.#entries.get(key);
    if (entry?.state !== 'processing') throw new Error(`"${key}" is not being processed`);
    this.#processing--;
    entry.state = 'resting';
    return entry;
  }

  /** After processing: queues what was added meanwhile, forgets what needs no memory, and wakes who waits. */
  #resume(key: string, entry: Entry): void {
    if (entry.againAt !== undefined) {
      const delayMs = entry.againAt - this.#options.clock.monotonic();
      entry.againAt = undefined;
      this.#schedule(key, entry, delayMs);
    } else if (entry.failures === 0) {
      this.#entries.delete(key);
    }
    this.#tellIdle();
  }

  #dispatch(): void {
    while (this.#takers.length > 0 && this.#ready.size > 0 && this.#takeToken()) {
      const taker = this.#takers.shift();
      const [key] = this.#ready;
      if (taker === undefined || key === undefined) return;
      this.#ready.delete(key);
      this.#entry(key).state = 'processing';
      this.#processing++;
      taker(key);
    }
  }

  /** Token bucket: `perSecond` tokens flow in a second, and as many fit. */
  #takeToken(): boolean {
    const { clock, perSecond } = this.#options;
    const now = clock.monotonic();
    this.#tokens = Math.min(perSecond, this.#tokens + ((now - this.#refilledAt) / 1000) * perSecond);
    this.#refilledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    this.#tokenTimer ??= clock.after(Math.ceil(((1 - this.#tokens) / perSecond) * 1000), () => {
      this.#tokenTimer = undefined;
      this.#dispatch();
    });
    return false;
  }

  #tellIdle(): void {
    if (this.#ready.size > 0 || this.#processing > 0) return;
    for (const idler of this.#idlers.splice(0)) idler();
  }
}
