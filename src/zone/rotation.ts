/** No rotation has more variants than this, so that finished answers can be kept, one per variant. */
const MAX_PERIOD = 64;

/**
 * After how many turns {@link rotate} repeats for groups of these sizes: the turns it takes to bring each
 * group back to its start together, but never more than {@link MAX_PERIOD}.
 */
export function rotationPeriod(sizes: readonly number[]): number {
  let period = 1;
  for (const size of sizes) {
    if (size === 0) continue;
    period = (period / greatestCommonDivisor(period, size)) * size;
    if (period > MAX_PERIOD) return MAX_PERIOD;
  }
  return period;
}

/**
 * `group`, begun at another place each turn. A group greater than the period is walked in equal strides,
 * so that over one period the starts still spread over all of it.
 */
export function rotate<T>(group: readonly T[], turn: number, period: number): readonly T[] {
  if (group.length < 2) return group;
  const step = turn % period;
  const start = group.length <= period ? step % group.length : Math.floor((step * group.length) / period);
  return start === 0 ? group : [...group.slice(start), ...group.slice(0, start)];
}

export const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);
