/** Writes that belong together: in which order, and what becomes of the others when one fails. */
import { StoreError } from '../store/store.ts';

/**
 * Waits for all of them, whatever becomes of one. Rejects with an error of theirs, one that stops
 * {@link inOrder} if there is one.
 */
export async function together(writes: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(writes);
  const errors = results.flatMap((result): unknown[] =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  if (errors.length > 0) throw errors.find((error) => !isRefusal(error)) ?? errors[0];
}

/**
 * One step after the other. An object that the API server does not take at all must not keep the rest from
 * being written: later steps are still made, and then it rejects. Any other error ends it at once.
 */
export async function inOrder(...steps: readonly (() => Promise<void>)[]): Promise<void> {
  let refusal: unknown;
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
}

const isRefusal = (error: unknown): boolean => error instanceof StoreError && error.code === 'invalid';
