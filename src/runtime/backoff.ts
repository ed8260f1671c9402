/** How long to wait before trying again, in milliseconds. */
export interface Backoff {
  /** The upper bound of the first wait; it doubles with each further failure. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
}

/**
 * The wait after the `failures`-th failure in a row (1 = the first): exponential with full jitter, that
 * is evenly spread over (0, bound], so that many clients that failed together do not come back together.
 * `random` is what Math.random() returned. At least one millisecond, so that a failure never spins.
 */
export function backoffMs({ baseMs, maxMs }: Backoff, failures: number, random: number): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.max(0, failures - 1));
  return Math.max(1, Math.ceil(bound * (1 - random)));
}
