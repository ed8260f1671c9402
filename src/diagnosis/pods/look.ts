/** Has short-lived pods look at what can't be seen from here, and takes them away again. */
import { randomBytes } from 'node:crypto';
import type { DaemonSet, Pod } from '../../api/administration.ts';
import { Kinds } from '../../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import type { Manifest } from '../../membership/manifest.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import type { Verdict } from '../check.ts';
import { LIFE_SECONDS, LOOK_LABELS, nodePod, plainPod } from './manifests.ts';
import { type LookReport, parseLook } from './report.ts';
import { lastWordsOf, LOOK_EVERY_MS, type Patience, StepFailed } from './step.ts';

const SYSTEM = { namespace: SYSTEM_NAMESPACE } as const;
const PHAROS = { 'app.kubernetes.io/name': 'pharos' } as const;

/** A node that a route agent runs on, and the image that is known to run there. */
export interface LookNode {
  readonly node: string;
  readonly image: string;
}

/** Sorted by name. */
export async function nodesOf(member: ObjectStore): Promise<LookNode[]> {
  const pods = await member.list(Kinds.Pod, {
    ...SYSTEM,
    labels: { ...PHAROS, 'app.kubernetes.io/component': 'route-agent' },
  });
  const images = new Map(
    pods.flatMap(({ spec: { nodeName, containers } }): [string, string][] => {
      const image = containers[0]?.image;
      return nodeName === undefined || image === undefined ? [] : [[nodeName, image]];
    }),
  );
  return [...images].map(([node, image]) => ({ node, image })).sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** What a pod that is no node's is to be made from: what already runs as such. */
export async function plainImageOf(member: ObjectStore): Promise<string | undefined> {
  const deployments = await member.list(Kinds.Deployment, { ...SYSTEM, labels: PHAROS });
  const daemonSets: DaemonSet[] = await member.list(Kinds.DaemonSet, { ...SYSTEM, labels: PHAROS });
  return [...deployments, ...daemonSets][0]?.spec.template.spec.containers[0]?.image;
}

export interface LookOptions extends Patience {
  readonly onProgress: (line: string) => void;
}

/** A pod to be made, and whom its report is of. */
interface Task {
  readonly of: string;
  readonly pod: Manifest;
  readonly ids: readonly string[];
}

/** So many start at once: each takes a second of a core of its node, and some calls to the API server. */
const AT_ONCE = 20;

/**
 * Runs checks in the network of each node.
 *
 * @returns node → id → verdict; `unknown` with the reason where a pod did not come to tell
 */
export async function lookAtNodes(
  member: ObjectStore,
  nodes: readonly LookNode[],
  ids: readonly string[],
  options: LookOptions,
): Promise<ReadonlyMap<string, LookReport>> {
  const suffix = randomSuffix();
  const flags = ['--host', ...ids.map((id) => `--only=${id}`)];
  return runAll(
    member,
    nodes.map(({ node, image }, at) => ({
      of: node,
      pod: nodePod({ name: `pharos-look-${suffix}-${at + 1}`, image, flags }, node),
      ids,
    })),
    options,
  );
}

/** Runs checks in a pod like any other. @param flags further ones of `pharos probe look` */
export async function lookFromPod(
  member: ObjectStore,
  image: string,
  ids: readonly string[],
  flags: readonly string[],
  options: LookOptions,
): Promise<LookReport> {
  const pod = plainPod({
    name: `pharos-look-${randomSuffix()}`,
    image,
    flags: [...flags, ...ids.map((id) => `--only=${id}`)],
  });
  const looks = await runAll(member, [{ of: 'a pod', pod, ids }], options);
  return looks.get('a pod') ?? new Map();
}

const randomSuffix = (): string => randomBytes(4).toString('hex');

async function runAll(
  member: ObjectStore,
  tasks: readonly Task[],
  options: LookOptions,
): Promise<Map<string, LookReport>> {
  const looks = new Map<string, LookReport>();
  const waiting = [...tasks];
  const work = async (): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      looks.set(task.of, await run(member, task, options));
    }
  };
  try {
    await removeForgotten(member, options.clock.now());
    // All of them end before anything is taken away: what one of them has begun to make is there then.
    const ended = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, tasks.length) }, work));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
    return looks;
  } finally {
    await Promise.all(tasks.map(({ pod }) => remove(member, pod, options)));
  }
}

async function run(member: ObjectStore, { of, pod, ids }: Task, options: LookOptions): Promise<LookReport> {
  const { name } = pod.object.metadata;
  const all = (verdict: Verdict): LookReport => new Map(ids.map((id) => [id, verdict]));
  try {
    options.signal.throwIfAborted();
    await member.apply(pod.kind, pod.object, { if: 'absent' });
    options.onProgress(`pod ${SYSTEM_NAMESPACE}/${name} looks at ${of}`);
    const report = await lastWordsOf(
      member,
      { ...SYSTEM, name },
      `what pod ${name} finds on ${of}`,
      options,
      parseLook,
    );
    return new Map(ids.map((id) => [id, report.get(id) ?? NOT_TOLD]));
  } catch (error) {
    if (!(error instanceof StepFailed || error instanceof StoreError)) throw error;
    return all({ is: 'unknown', why: error.message });
  }
}

const NOT_TOLD: Verdict = { is: 'unknown', why: 'the version of Pharos that runs there has no such check' };

const REMOVED_WITHIN_MS = 30_000;
/** Twice as long as any of them lives: clocks differ. */
const FORGOTTEN_AFTER_MS = LIFE_SECONDS * 2000;

/** Gone when it resolves, or told. */
async function remove(
  member: ObjectStore,
  { object: { metadata } }: Manifest,
  { clock, onProgress }: LookOptions,
): Promise<void> {
  const ref = { ...SYSTEM, name: metadata.name };
  const end = clock.monotonic() + REMOVED_WITHIN_MS;
  let problem = 'it is still ending';
  do {
    try {
      await member.remove(Kinds.Pod, ref);
      if ((await member.get(Kinds.Pod, ref)) === undefined) return;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      problem = error.message;
    }
    await clock.sleep(LOOK_EVERY_MS);
  } while (clock.monotonic() < end);
  onProgress(`pod ${SYSTEM_NAMESPACE}/${metadata.name} is still there: ${problem}; delete it by hand`);
}

/** Of an earlier call that was killed: ended by the kubelet since. @param now milliseconds since 1970 */
async function removeForgotten(member: ObjectStore, now: number): Promise<void> {
  const pods: Pod[] = await member.list(Kinds.Pod, { ...SYSTEM, labels: LOOK_LABELS });
  await Promise.all(
    pods
      .filter(({ metadata }) => now - Date.parse(metadata.creationTimestamp ?? '') > FORGOTTEN_AFTER_MS)
      .map(({ metadata: { name } }) => member.remove(Kinds.Pod, { ...SYSTEM, name })),
  );
}
