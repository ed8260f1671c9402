import type { Log } from '../observability/log.ts';
import type { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { WorkQueue } from './queue.ts';

/** `done`, or look again after some time though nothing failed (something will be due then). */
export type ReconcileResult = 'done' | { readonly retryAfterMs: number };

export interface ReconcilerOptions {
  /** What is reconciled, for logs: `export`, `import`. */
  readonly name: string;
  /**
   * Brings what belongs to `key` into the desired state, whatever that is now and whatever happened
   * before; never runs twice at once for one key. A rejection is logged and tried again with back-off;
   * an error with a numeric `retryAfterSeconds` waits at least that long. `signal` aborts at shutdown.
   */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  /** How many keys are worked on at once. */
  readonly workers?: number;
  /** Between failures of one key. */
  readonly backoff?: Backoff;
  /** At most so many reconciliations a second in the long run. */
  readonly perSecond?: number;
}

const BACKOFF: Backoff = { baseMs: 50, maxMs: 60_000 };

/** A level-triggered loop: keys come in, each is reconciled until that succeeds. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue: WorkQueue;
  /** Reconciliations that succeeded and that failed, since the start: read by metrics. */
  succeeded = 0;
  failed = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      clock: options.clock,
      random: options.random,
      backoff: options.backoff ?? BACKOFF,
      perSecond: options.perSecond ?? 1000,
    });
  }

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Asks for a reconciliation of `key`, not before `delayMs`. May be called before and while it runs. */
  add(key: string, delayMs = 0): void {
    this.#queue.add(key, delayMs);
  }

  /** Resolves when no key is ready or in work; keys that wait out a delay or a back-off do not count. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Works until `signal` aborts and the reconciliations that run then have ended. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const workers = Array.from({ length: this.#options.workers ?? 4 }, () => this.#work(signal));
    await Promise.all(workers);
    this.#queue.clear();
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.take(signal);
      if (key === undefined) return;
      await this.#reconcile(key, signal);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { name, log } = this.#options;
    try {
      const result = await this.#options.reconcile(key, signal);
      this.succeeded++;
      if (result !== 'done') this.#queue.add(key, result.retryAfterMs);
      this.#queue.done(key);
    } catch (err) {
      if (signal.aborted) {
        this.#queue.done(key);
        return;
      }
      this.failed++;
      const { failures, delayMs } = this.#queue.failed(key, retryAfterMs(err));
      const fields = { reconciler: name, key, failures, delayMs, err };
      // The first failure is news; while the cause lasts, repeating it for each key would bury the rest.
      if (failures === 1) log.warn(fields, 'Reconciliation failed and will be tried again');
      else log.debug(fields, 'Reconciliation failed again');
    }
  }
}

/** What the other side asked us to wait. Structural, since errors of any adapter may carry it. */
function retryAfterMs(err: unknown): number {
  if (typeof err !== 'object' || err === null || !('retryAfterSeconds' in err)) return 0;
  const seconds = err.retryAfterSeconds;
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0;
}
