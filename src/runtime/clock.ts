/** Time, as parts of Pharos receive it: tests hand in a clock of their own. */
export interface Clock {
  /** Milliseconds since 1970 by the wall clock, which may jump: for time stamps only. */
  now(): number;
  /** Milliseconds since some fixed moment, never backwards: for durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds, unless the function that it returns is called before. */
  after(ms: number, run: () => void): () => void;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. It never rejects: look at the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that Node's timers keep; what is longer would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** `sleep` for any clock that has `after`. */
export function sleepBy(after: Clock['after'], ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted === true) {
    resolve();
    return promise;
  }
  const finish = (): void => {
    cancel();
    signal?.removeEventListener('abort', finish);
    resolve();
  };
  const cancel = after(ms, finish);
  signal?.addEventListener('abort', finish, { once: true });
  return promise;
}

function afterRealTime(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.max(0, ms), LONGEST_TIMER));
  return () => clearTimeout(timer);
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: afterRealTime,
  sleep: (ms, signal) => sleepBy(afterRealTime, ms, signal),
};
