import type { Clock } from './clock.ts';

/**
 * Whether something still gives signs of life. What its clock shows does not matter: it counts as silent
 * when what it wrote has not *changed* for `lifeMs` by our own.
 */
export class Freshness {
  readonly #seen = new Map<string, { readonly sign: string; readonly since: number }>(); // key → last sign
  readonly #clock: Clock;
  readonly #lifeMs: number;

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  /** To be called for each that there is, with its latest sign of life. */
  isAlive(key: string, sign: string): boolean {
    const now = this.#clock.monotonic();
    const seen = this.#seen.get(key);
    if (seen === undefined || seen.sign !== sign) {
      this.#seen.set(key, { sign, since: now });
      return true;
    }
    return now - seen.since < this.#lifeMs;
  }

  /** After a time in which no sign could be seen: nobody has been silent so far. */
  forgive(): void {
    this.#seen.clear();
  }
}
