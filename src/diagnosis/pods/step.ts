/** Waiting for what happens in a cluster, and for a pod's last words. */
import type { Pod } from '../../api/administration.ts';
import { Kinds } from '../../api/kinds.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ObjectRef, ObjectStore } from '../../store/store.ts';

/** Something that did not come to be in time; the message says which and why. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

export interface Patience {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export const LOOK_EVERY_MS = 300;

/**
 * @param look resolves with what is still waited for, or undefined when it is there
 * @throws StepFailed
 */
export async function until(
  what: string,
  { timeoutMs, clock, signal }: Patience,
  look: () => Promise<string | undefined>,
): Promise<void> {
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const waiting = await look();
    if (waiting === undefined) return;
    if (clock.monotonic() >= end) {
      throw new StepFailed(`${what} is not there after ${Math.round(timeoutMs / 1000)} s: ${waiting}`);
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/**
 * What a pod of one container leaves at its end, as the kubelet keeps it.
 *
 * @param what it is, for people: `the pod in west that …`
 * @throws StepFailed
 */
export async function lastWordsOf<T>(
  store: ObjectStore,
  ref: ObjectRef,
  what: string,
  patience: Patience,
  parse: (text: string) => T,
): Promise<T> {
  let words: { readonly parsed: T } | undefined;
  await until(what, patience, async () => {
    const present = await store.get(Kinds.Pod, ref);
    const ended = present?.status?.containerStatuses?.[0]?.state?.terminated;
    if (ended === undefined) return waitingOf(present);
    try {
      words = { parsed: parse(ended.message ?? '') };
    } catch {
      throw new StepFailed(
        `${what} ended with status ${ended.exitCode} and left no report: ${ended.message ?? ended.reason ?? ''}`,
      );
    }
    return undefined;
  });
  if (words === undefined) throw new StepFailed(`${what} left no report`);
  return words.parsed;
}

export function waitingOf(pod: Pod | undefined): string {
  if (pod === undefined) return 'there is no such pod';
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  const why = waiting ?? unscheduled;
  return why === undefined
    ? [`it is ${pod.status?.phase ?? 'new'}`, pod.status?.message].filter(Boolean).join(': ')
    : `${why.reason ?? ''}: ${why.message ?? ''}`.replace(/: $/, '');
}
