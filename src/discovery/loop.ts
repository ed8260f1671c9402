import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { Reconciler } from '../runtime/reconciler.ts';

export interface LoopOptions {
  readonly name: string;
  /** `wait` = there is something to do that waits for a store to come into sight. */
  readonly run: (key: string) => Promise<'done' | 'wait' | void>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Enough to keep as many calls under way as an API server is given at once; the store bounds those. */
const WORKERS = 16;
/** Most keys have nothing to write, above all at the start. */
const PER_SECOND = 20_000;

/** A reconciler that knows which keys are not done, so that they need not wait out their back-off. */
export class Loop {
  readonly #reconciler: Reconciler;
  readonly #undone = new Set<string>();

  constructor({ run, ...options }: LoopOptions) {
    this.#reconciler = new Reconciler({
      ...options,
      workers: WORKERS,
      perSecond: PER_SECOND,
      reconcile: async (key) => {
        this.#undone.add(key);
        if ((await run(key)) !== 'wait') this.#undone.delete(key);
        return 'done';
      },
    });
  }

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#reconciler.depth;
  }

  add(key: string, delayMs = 0): void {
    this.#reconciler.add(key, delayMs);
  }

  /** Tries everything again that has failed or waits: a store is back in sight. */
  retry(): void {
    for (const key of this.#undone) this.#reconciler.add(key);
  }

  idle(): Promise<void> {
    return this.#reconciler.idle();
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#reconciler.run(signal);
  }
}
