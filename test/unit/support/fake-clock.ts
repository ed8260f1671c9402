import { setImmediate as afterMicrotasks } from 'node:timers/promises';
import { type Clock, sleepBy } from '../../../src/runtime/clock.ts';

/** A clock that stands still until it is advanced. It starts at 2026-01-01T00:00:00Z. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #monotonic = 1000;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#monotonic + Math.max(0, ms), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy((delay, run) => this.after(delay, run), ms, signal);
  }

  /** Moves time on by `ms`, running what falls due in order, each with all that it sets off at once. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await afterMicrotasks();
    for (;;) {
      let next: { at: number; run: () => void } | undefined;
      for (const timer of this.#timers) {
        if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#move(next.at - this.#monotonic);
      next.run();
      await afterMicrotasks();
    }
    this.#move(end - this.#monotonic);
  }

  /** The wall clock is set, as by an operator or NTP; durations are not affected. */
  setWallClock(now: number): void {
    this.#now = now;
  }

  #move(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
  }
}
