/** Proves the main job between clusters: makes what it needs in each, lets pods try, and takes all of it back. */
import { Kinds } from '../../api/kinds.ts';
import type { IpFamily, Service, ServiceExport } from '../../api/objects.ts';
import { applyAll } from '../../membership/deploy.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import { LOOK_EVERY_MS, lastWordsOf, StepFailed, until, waitingOf } from '../pods/step.ts';
import { clientManifest, headlessName, PROBE_PORT, serverManifests, serviceName } from './manifests.ts';
import {
  type Measured,
  parseReport,
  type ProbePlan,
  type ProbeReport,
  type ProbeResult,
} from './probe-plan.ts';

/** A cluster that takes part. */
export interface VerifySite {
  readonly cluster: string;
  readonly store: ObjectStore;
  readonly image: string;
}

/** One line of what was found. */
export interface VerifyRow {
  readonly from: string;
  readonly to: string;
  readonly what: string;
  readonly result: ProbeResult;
  readonly note: string;
}

export interface Verification {
  readonly rows: readonly VerifyRow[];
  readonly measured: readonly (Measured & { readonly from: string; readonly to: string })[];
}

export interface VerifyOptions {
  readonly namespace: string;
  readonly zone: string;
  readonly sizes: readonly number[];
  /** For each step. */
  readonly timeoutMs: number;
  readonly measure?: ProbePlan['measure'];
  readonly clock: Clock;
  /** Aborts the work, not the cleaning up. */
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** What was made is gone when it returns or throws, or is told by `onProgress` where it could not be removed. */
export async function verify(sites: readonly VerifySite[], options: VerifyOptions): Promise<Verification> {
  try {
    return await tryAll(sites, options);
  } finally {
    await removeAll(sites, options);
  }
}

async function tryAll(sites: readonly VerifySite[], options: VerifyOptions): Promise<Verification> {
  const { namespace, onProgress } = options;
  onProgress(
    `making namespace ${namespace} with a server in ${sites.map(({ cluster }) => cluster).join(', ')}`,
  );
  await Promise.all(
    sites.map(({ cluster, store, image }) => applyAll(store, serverManifests({ cluster, namespace, image }))),
  );
  const pairs = sites.flatMap((from) => sites.filter((to) => to !== from).map((to) => ({ from, to })));
  // What a cluster does not export can't be reached from anywhere: found out once.
  const offered = new Map(
    sites.map((site) => [site.cluster, failureOf(() => untilOffered(site, options))] as const),
  );
  const reports = await Promise.all(
    pairs.map(async ({ from, to }) => {
      const ends = { from: from.cluster, to: to.cluster };
      const failure =
        (await offered.get(to.cluster)) ?? (await failureOf(() => untilImported(from, to, options)));
      if (failure !== undefined) {
        return { ends, report: { rows: [['export', 'failed', failure] as const], measured: [] } };
      }
      let report: ProbeReport;
      try {
        report = await runClient(from, to, options);
      } catch (error) {
        if (!(error instanceof StepFailed) && !(error instanceof StoreError)) throw error;
        report = { rows: [['test pod', 'failed', error.message]], measured: [] };
      }
      return { ends, report };
    }),
  );
  options.signal.throwIfAborted();
  return {
    rows: reports.flatMap(({ ends, report }) =>
      report.rows.map(([what, result, note]) => ({ ...ends, what, result, note })),
    ),
    measured: reports.flatMap(({ ends, report }) => report.measured.map((each) => ({ ...ends, ...each }))),
  };
}

/** Why a step failed; undefined where it did not. */
async function failureOf(step: () => Promise<void>): Promise<string | undefined> {
  try {
    await step();
    return undefined;
  } catch (error) {
    if (error instanceof StepFailed || error instanceof StoreError) return error.message;
    throw error;
  }
}

/** The server runs, and the broker has both exports. */
async function untilOffered({ cluster, store }: VerifySite, options: VerifyOptions): Promise<void> {
  const { namespace } = options;
  await until(`the server in ${cluster}`, options, async () => {
    const pod = await store.get(Kinds.Pod, { name: 'server', namespace });
    return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
      ? undefined
      : waitingOf(pod);
  });
  for (const name of [serviceName(cluster), headlessName(cluster)]) {
    await until(`the export of ${name} by ${cluster}`, options, async () => {
      const present = await store.get(Kinds.ServiceExport, { name, namespace });
      return present !== undefined && isTrue(present, 'Valid') && isTrue(present, 'Ready')
        ? undefined
        : toldBy(present);
    });
  }
}

async function untilImported(from: VerifySite, to: VerifySite, options: VerifyOptions): Promise<void> {
  const { namespace } = options;
  for (const name of [serviceName(to.cluster), headlessName(to.cluster)]) {
    await until(`the import of ${name} in ${from.cluster}`, options, async () =>
      (await from.store.get(Kinds.ServiceImport, { name, namespace })) === undefined
        ? 'it has not arrived: look at pharos diagnose --group broker there'
        : undefined,
    );
  }
}

async function runClient(from: VerifySite, to: VerifySite, options: VerifyOptions): Promise<ProbeReport> {
  const { namespace, zone, sizes, timeoutMs, measure, onProgress } = options;
  const service = await to.store.get(Kinds.Service, { name: serviceName(to.cluster), namespace });
  const pod = await to.store.get(Kinds.Pod, { name: 'server', namespace });
  const name = (of: string): string => `${of}.${namespace}.svc.${zone}`;
  const plan: ProbePlan = {
    to: to.cluster,
    targets: [
      {
        kind: 'Service',
        name: name(serviceName(to.cluster)),
        port: PROBE_PORT,
        families: familiesOf(service),
      },
      {
        kind: 'pod',
        name: name(headlessName(to.cluster)),
        port: PROBE_PORT,
        families: (pod?.status?.podIPs ?? []).map(({ ip }) => (ip.includes(':') ? 'IPv6' : 'IPv4')),
      },
    ],
    sizes: [...sizes],
    timeoutMs,
    ...(measure !== undefined && { measure }),
  };
  const client = clientManifest({ cluster: from.cluster, namespace, image: from.image }, plan);
  onProgress(`${from.cluster} → ${to.cluster}: a pod resolves and connects`);
  await from.store.apply(client.kind, client.object);
  // It tries for the plan's time, and needs some more to start and to end.
  const report = await lastWordsOf(
    from.store,
    { name: client.object.metadata.name, namespace },
    `the pod in ${from.cluster} that tries ${to.cluster}`,
    { ...options, timeoutMs: timeoutMs * 3 },
    parseReport,
  );
  const bad = report.rows.filter(([, result]) => result === 'failed').length;
  onProgress(`${from.cluster} → ${to.cluster}: ${bad === 0 ? 'all of it works' : `${bad} things failed`}`);
  return report;
}

/** Exports go first, so that the other clusters forget them while the namespace is being emptied. */
async function removeAll(sites: readonly VerifySite[], options: VerifyOptions): Promise<void> {
  const { namespace, onProgress, clock } = options;
  onProgress('cleaning up');
  await Promise.all(
    sites.map(async ({ cluster, store }) => {
      const end = clock.monotonic() + REMOVED_WITHIN_MS;
      let problem = '';
      do {
        try {
          for (const name of [serviceName(cluster), headlessName(cluster)]) {
            await store.remove(Kinds.ServiceExport, { name, namespace });
          }
          await store.remove(Kinds.Namespace, { name: namespace });
          if ((await store.get(Kinds.Namespace, { name: namespace })) === undefined) return;
          problem = 'it is still being emptied';
        } catch (error) {
          if (!(error instanceof StoreError)) throw error;
          problem = error.message;
        }
        await clock.sleep(LOOK_EVERY_MS);
      } while (clock.monotonic() < end);
      onProgress(`namespace ${namespace} of ${cluster} is still there: ${problem}; delete it by hand`);
    }),
  );
}

const REMOVED_WITHIN_MS = 60_000;

const isTrue = ({ status }: ServiceExport, type: string): boolean =>
  status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

function toldBy(present: ServiceExport | undefined): string {
  const told = (present?.status?.conditions ?? [])
    .filter(({ type, status }) => type !== 'Conflict' && status !== 'True')
    .map(({ reason, message }) => `${reason}: ${message}`);
  return told.join('; ') || 'no agent has looked at it';
}

const familiesOf = (service: Service | undefined): IpFamily[] => [...(service?.spec.ipFamilies ?? [])];
