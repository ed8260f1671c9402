import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks `probe` again and again until it answers something other than undefined; for things of other
 * processes that announce themselves in no way. What it throws counts as "not yet", and is the cause of the
 * error after `timeoutMs`.
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
  everyMs = 50,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (error instanceof GivenUp) throw error;
      cause = error;
    }
    if (Date.now() >= end) {
      const why = cause instanceof Error ? `: ${cause.message}` : '';
      throw new Error(`${what}: not after ${timeoutMs / 1000} s${why}`, { cause });
    }
    await sleep(everyMs);
  }
}

/** Thrown by a probe that knows that waiting is of no use. */
export class GivenUp extends Error {
  override name = 'GivenUp';
}
