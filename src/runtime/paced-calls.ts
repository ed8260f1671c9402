import type { Clock } from './clock.ts';
import { afterCall, type CallEnd, firstPace, mayStart, type Pace, type PaceLimits } from './pace.ts';

/** What a failed call says about the server. */
export interface Judgement {
  readonly end: CallEnd;
  readonly retryAfterMs?: number;
}

export interface PacedCallsOptions {
  readonly clock: Clock;
  readonly limits: PaceLimits;
  /** Of what a call rejected with. */
  readonly judge: (error: unknown) => Judgement;
}

/** Plain numbers since the start, for metrics. */
export interface PaceCounters {
  /** Calls that had to wait for their turn, and for how long all in all. */
  waited: number;
  waitedMs: number;
  /** How often the server refused for having too much to do. */
  overloads: number;
}

/** Lets calls to one server through, first come first served, as many at once as its {@link Pace} allows. */
export class PacedCalls {
  readonly #options: PacedCallsOptions;
  readonly #waiting: { readonly go: () => void; readonly giveUp: (reason: Error) => void }[] = [];
  readonly counters: PaceCounters = { waited: 0, waitedMs: 0, overloads: 0 };
  #pace: Pace;
  #underWay = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: PacedCallsOptions) {
    this.#options = options;
    this.#pace = firstPace(options.limits);
  }

  /** Calls that may be under way at once. */
  get allowed(): number {
    return Math.floor(this.#pace.window);
  }

  /** Calls under way; urgent ones do not count. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs `call` when it is its turn; settles as it does. */
  async run<R>(call: () => Promise<R>): Promise<R> {
    await this.#turn();
    const { clock, limits, judge } = this.#options;
    const startedAt = clock.monotonic();
    const end = ({ end, retryAfterMs }: Judgement): void => {
      if (end === 'overloaded') this.counters.overloads++;
      const wasFull = this.#underWay >= this.allowed;
      this.#underWay--;
      this.#pace = afterCall(
        this.#pace,
        {
          end,
          startedAt,
          endedAt: clock.monotonic(),
          wasFull,
          ...(retryAfterMs !== undefined && { retryAfterMs }),
        },
        limits,
      );
      this.#dispatch();
    };
    try {
      const result = await call();
      end({ end: 'answered' });
      return result;
    } catch (error) {
      end(judge(error));
      throw error;
    }
  }

  /** Calls that wait reject with this; those under way go on. */
  giveUp(reason: Error): void {
    this.#cancelTimer?.();
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(reason);
  }

  async #turn(): Promise<void> {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (this.#waiting.length === 0 && mayStart(this.#pace, this.#underWay, now)) {
      this.#underWay++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ go: resolve, giveUp: reject });
    this.#dispatch();
    await promise;
    this.counters.waited++;
    this.counters.waitedMs += clock.monotonic() - now;
  }

  #dispatch(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    while (this.#waiting.length > 0 && mayStart(this.#pace, this.#underWay, now)) {
      this.#underWay++;
      this.#waiting.shift()?.go();
    }
    if (this.#waiting.length === 0 || now >= this.#pace.notBefore) return;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(this.#pace.notBefore - now, () => this.#dispatch());
  }
}
