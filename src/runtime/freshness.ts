import type { Clock } from './clock.ts';

/**
 * Whether something still gives signs of life. What its clock shows does not matter: it counts as silent
 * when what it wrote has not *changed* for `lifeMs` by our own. While the store is out of sight nobody's signs
 * can be seen, so nobody is silent; and once it is in sight again everybody has as long as ever to give one.
 */
export class Freshness {
  readonly #seen = new Map<string, { readonly sign: string; readonly since: number }>(); // key → last sign
  readonly #clock: Clock;
  readonly #lifeMs: number;
  #isInSight = true;

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  /**
   * To be called for each that there is, with its latest sign of life.
   * @param sign undefined: it never gives any, such as what a person wrote, and is true until told otherwise
   */
  isAlive(key: string, sign: string | undefined): boolean {
    if (sign === undefined) return true;
    const now = this.#clock.monotonic();
    const seen = this.#seen.get(key);
    if (seen === undefined || seen.sign !== sign) {
      this.#seen.set(key, { sign, since: now });
      return true;
    }
    return !this.#isInSight || now - seen.since < this.#lifeMs;
  }

  /** The store got out of sight, or is followed again. */
  setSight(isInSight: boolean): void {
    if (isInSight && !this.#isInSight) this.#seen.clear();
    this.#isInSight = isInSight;
  }
}
