/** Whether what Redis holds may replace what is known: the decision that keeps an empty or old Redis from emptying a zone. */
import type { RedisEntry, RedisMeta } from './redis-layout.ts';

/** Which state is known. */
export type HeldState = Pick<RedisMeta, 'epoch' | 'generation' | 'nonce'>;

export type RedisVerdict =
  | { readonly is: 'current' }
  /** The stream should have what is missing. */
  | { readonly is: 'behind' }
  /** Everything must be read. */
  | { readonly is: 'read' }
  /** What is known stays in force. */
  | { readonly is: 'unusable'; readonly reason: 'empty' | 'older' | 'foreign'; readonly detail: string };

export function judgeState(
  held: HeldState | undefined,
  meta: RedisMeta | 'absent' | { readonly foreign: string },
  cluster: string,
): RedisVerdict {
  const unusable = (reason: 'empty' | 'older' | 'foreign', detail: string): RedisVerdict => ({
    is: 'unusable',
    reason,
    detail,
  });
  if (meta === 'absent') {
    return unusable(
      'empty',
      held === undefined
        ? `nothing was published for cluster ${cluster} yet; run pharos agent --publish there`
        : `it holds nothing for cluster ${cluster} any more: it was flushed, or restarted without its data`,
    );
  }
  if ('foreign' in meta) return unusable('foreign', meta.foreign);
  if (meta.cluster !== cluster) {
    return unusable('foreign', `it holds the objects of cluster ${meta.cluster}, not of ${cluster}`);
  }
  if (!meta.complete) return unusable('empty', 'the first publication is under way');
  if (held === undefined) return { is: 'read' };
  const isOlder = meta.epoch === held.epoch ? meta.generation < held.generation : meta.epoch < held.epoch;
  if (isOlder) {
    return unusable(
      'older',
      `it holds generation ${meta.generation} of epoch ${meta.epoch}, older than what is known (${held.generation} of ${held.epoch})`,
    );
  }
  // Another leader goes on from the same state.
  if (meta.generation === held.generation && meta.nonce === held.nonce) return { is: 'current' };
  return { is: meta.generation > held.generation ? 'behind' : 'read' };
}

/** Whether an entry of the stream is the next step from what is known. */
export const follows = (held: HeldState, entry: RedisEntry): boolean =>
  entry.generation === held.generation + 1 && entry.previous === held.nonce && entry.epoch >= held.epoch;
