/**
 * How many calls to one server may be under way at once: more while it answers well, fewer when it says that
 * it has too much to do or takes long. Additive increase, multiplicative decrease, as TCP has it. Pure.
 */

/** How a call ended, as far as the pace is concerned. `lost` = without an answer. */
export type CallEnd = 'answered' | 'overloaded' | 'lost';

export interface PaceLimits {
  /** Never fewer, so that something always finds out how the server is. At least 1. */
  readonly least: number;
  readonly most: number;
  /** At the beginning, and after the server was away. */
  readonly first: number;
  /** An answer that took longer is a sign of too many calls. */
  readonly slowMs: number;
}

export interface Pace {
  /** Its whole part is the number of calls that may be under way. */
  readonly window: number;
  /** Up to here the window grows with each answer, above it with each round of answers. */
  readonly threshold: number;
  /** No call before this moment (ms): the server asked for it. */
  readonly notBefore: number;
  /** Calls that began earlier say nothing new about the server (ms). */
  readonly judgedAt: number;
}

export interface EndedCall {
  readonly end: CallEnd;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Whether as many calls as may be were under way: only then does it need more. */
  readonly wasFull: boolean;
  /** What the server asked us to wait (HTTP Retry-After). */
  readonly retryAfterMs?: number;
}

/** One slow answer among many is no more than a reason to slow down a little. */
const AFTER_SLOW = 0.8;
const AFTER_REFUSAL = 0.5;

export const firstPace = ({ first, most }: PaceLimits): Pace => ({
  window: first,
  threshold: most,
  notBefore: -Infinity,
  judgedAt: -Infinity,
});

export const mayStart = (pace: Pace, underWay: number, now: number): boolean =>
  now >= pace.notBefore && underWay < Math.floor(pace.window);

export function afterCall(pace: Pace, call: EndedCall, limits: PaceLimits): Pace {
  const { startedAt, endedAt } = call;
  const notBefore = Math.max(pace.notBefore, call.retryAfterMs ? endedAt + call.retryAfterMs : -Infinity);
  const isSlow = endedAt - startedAt > limits.slowMs;
  if (call.end === 'answered' && !isSlow) {
    if (!call.wasFull) return { ...pace, notBefore };
    const step = pace.window < pace.threshold ? 1 : 1 / pace.window;
    return { ...pace, notBefore, window: Math.min(limits.most, pace.window + step) };
  }
  // All calls of a round meet the same trouble: it counts once.
  if (startedAt < pace.judgedAt) return { ...pace, notBefore };
  const shrunk = (factor: number): number => Math.max(limits.least, pace.window * factor);
  switch (call.end) {
    case 'answered': {
      const window = shrunk(AFTER_SLOW);
      return { window, threshold: window, notBefore, judgedAt: endedAt };
    }
    case 'overloaded': {
      const window = shrunk(AFTER_REFUSAL);
      return { window, threshold: window, notBefore, judgedAt: endedAt };
    }
    case 'lost':
      // Who comes back needs no flood, but it says nothing about how much it can do.
      return { ...pace, window: Math.min(pace.window, limits.first), notBefore, judgedAt: endedAt };
    default:
      return call.end satisfies never;
  }
}
