import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';

export interface PulseOptions {
  /** For logs. */
  readonly name: string;
  /** Brings something up to date, whatever happened before. What it throws is logged and tried again. */
  readonly beat: () => Promise<void>;
  /** It is called at least so often, */
  readonly everyMs: number;
  /** and at most so often. */
  readonly pauseMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const RETRY_MS = 1000;

/** Something that is brought up to date in turns: when it is touched, and now and then anyway. */
export class Pulse {
  readonly #options: PulseOptions;
  #isTouched = false;
  #wake = (): void => {};
  #failures = 0;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  touch(): void {
    this.#isTouched = true;
    this.#wake();
  }

  /** Until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { beat, everyMs, pauseMs, clock, log, name } = this.#options;
    while (!signal.aborted) {
      this.#isTouched = false;
      let waitMs = everyMs;
      try {
        await beat();
        this.#failures = 0;
      } catch (err) {
        if (signal.aborted) return;
        this.#failures++;
        const fields = { part: name, failures: this.#failures, err };
        if (this.#failures === 1) log.warn(fields, 'Could not be brought up to date and will be tried again');
        else log.debug(fields, 'Still can not be brought up to date');
        waitMs = RETRY_MS;
      }
      await clock.sleep(pauseMs, signal);
      if (this.#isTouched && this.#failures === 0) continue;
      const awake = new AbortController();
      this.#wake = () => awake.abort();
      await clock.sleep(waitMs, AbortSignal.any([signal, awake.signal]));
      this.#wake = () => {};
    }
  }
}
