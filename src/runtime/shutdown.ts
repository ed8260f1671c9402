import { constants } from 'node:os';
import type { Log } from '../observability/log.ts';
import type { Clock } from './clock.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** What a shutdown needs of the process; {@link process} is one. */
export interface Endable {
  on(signal: (typeof SIGNALS)[number], listener: () => void): unknown;
  off(signal: (typeof SIGNALS)[number], listener: () => void): unknown;
  /** May return: what runs may go on for a moment. */
  exit(code: number): void;
}

export interface ShutdownOptions {
  readonly process: Endable;
  readonly log: Log;
  readonly clock: Clock;
  /** The process exits after so long, whatever is not done then. */
  readonly limitMs?: number;
}

interface Step {
  readonly name: string;
  readonly run: () => Promise<void> | void;
}

/**
 * An orderly end. The first SIGTERM or SIGINT aborts {@link signal}, then undoes what was set up, last
 * thing first, then exits with 0; the second one exits at once. Stop is not remove: nothing is taken out
 * of a data path here.
 */
export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #abort = new AbortController();
  readonly #steps: Step[] = [];
  readonly #listeners = new Map<(typeof SIGNALS)[number], () => void>();

  constructor(options: ShutdownOptions) {
    this.#options = options;
    for (const signal of SIGNALS) {
      const listener = (): void => this.#onSignal(signal);
      this.#listeners.set(signal, listener);
      options.process.on(signal, listener);
    }
  }

  /** Aborts when the shutdown begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Has `run` awaited at the end, before all that was registered earlier. `name` is for logs. */
  defer(name: string, run: () => Promise<void> | void): void {
    this.#steps.push({ name, run });
  }

  /** Begins the shutdown from within; further calls do nothing. Resolves after the process was told to exit. */
  async begin(exitCode: number): Promise<void> {
    if (this.signal.aborted) return;
    const { clock, log, process, limitMs = 5000 } = this.#options;
    this.#abort.abort();
    let step: Step | undefined;
    const cancel = clock.after(limitMs, () => {
      log.error({ step: step?.name, limitMs }, 'Shutdown took too long, exiting with work undone');
      process.exit(1);
    });
    let code = exitCode;
    for (step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.run();
      } catch (err) {
        code = 1;
        log.error({ step: step.name, err }, 'Shutdown step failed');
      }
    }
    cancel();
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
    process.exit(code);
  }

  #onSignal(signal: (typeof SIGNALS)[number]): void {
    const { log, process } = this.#options;
    if (this.signal.aborted) {
      log.warn({ signal }, 'Asked to end again, exiting at once');
      process.exit(128 + constants.signals[signal]);
      return;
    }
    log.info({ signal }, 'Shutting down');
    void this.begin(0);
  }
}
