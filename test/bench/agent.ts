/**
 * `npm run bench:agent`: the agent at scale, on real API servers.
 *
 * Ten clusters with a thousand services each: eight simulated, whose records are written straight to the
 * broker, and west and east with real agents (processes) and a DNS server in east. Measured: cold start to
 * the exact state beside the plain lists and writes with the same client, rest, a rolling update of a large
 * service, and how long changes take from west to an answer in east, with nothing else and under load.
 *
 *   npm run bench:agent -- [--clusters N] [--services N] [--pods N] [--rounds N] [--rate N] [--seconds N] [--smoke]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kinds } from '../../src/api/kinds.ts';
import { BROKER_NAMESPACE } from '../../src/api/names.ts';
import { silentLog } from '../../src/observability/log.ts';
import { type KubernetesStore, openKubernetesStore } from '../../src/store/kubernetes.ts';
import type { ApiServer } from '../lab/api-server.ts';
import { openLab } from '../lab/lab.ts';
import { freePort } from '../lab/ports.ts';
import { until } from '../lab/wait.ts';
import { differences } from '../support/oracle.ts';
import { type PharosProcess, startPharos } from '../support/pharos.ts';
import { answered, quantiles } from './support/answered.ts';
import { type Metrics, readMetrics } from './support/metrics.ts';
import {
  headlessName,
  NAMESPACES,
  namespaceOf,
  objectsOf,
  podSlice,
  recordsOf,
  rolledSlice,
} from './support/clusterset.ts';

const { values } = parseArgs({
  options: {
    clusters: { type: 'string', default: '10' },
    services: { type: 'string', default: '1000' },
    pods: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '100' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '20' },
    smoke: { type: 'boolean', default: false },
  },
});
const SMOKE = { clusters: 3, services: 10, pods: 200, rounds: 3, rate: 5, seconds: 2 };
const numbers = Object.fromEntries(
  Object.keys(SMOKE).map((name) => [name, Number(values[name as keyof typeof SMOKE])]),
) as typeof SMOKE;
for (const [name, value] of Object.entries(numbers)) {
  if (Number.isInteger(value) && value >= 1) continue;
  console.error(`--${name} must be a whole number from 1; for example: npm run bench:agent -- --${name} 5`);
  process.exit(2);
}
const { clusters, services, pods, rounds, rate, seconds } = values.smoke ? SMOKE : numbers;
const LIMIT_MS = 1_800_000;

interface Site {
  readonly api: ApiServer;
  readonly store: KubernetesStore;
}

const say = (text: string): void => console.error(`bench:agent: ${text}`);
const rows: (readonly [what: string, value: string, target: string])[] = [];
const row = (what: string, value: string, target = ''): void => {
  rows.push([what, value, target]);
  say(`${what}: ${value}${target === '' ? '' : ` (target ${target})`}`);
};
const secondsSince = (started: number): number => (performance.now() - started) / 1000;
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

await using lab = await openLab({ name: 'bench-agent' });
say('starting four API servers…');
async function site(name: string): Promise<Site> {
  const api = await lab.api(name);
  return { api, store: await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog }) };
}
const [broker, west, east, plain] = (await Promise.all(
  ['broker', 'west', 'east', 'plain'].map((name) => site(name)),
)) as [Site, Site, Site, Site];
for (const { api } of [broker, west, east, plain]) {
  const names = [BROKER_NAMESPACE, ...NAMESPACES];
  await api.apply(names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })));
}

say(`writing ${clusters - 2} clusters' records to the broker, and the services of west and east…`);
const numbersOf = (cluster: number): number[] =>
  Array.from({ length: services }, (_, at) => cluster * services + at);
const simulated = Array.from({ length: clusters - 2 }, (_, at) =>
  numbersOf(at + 2).map((number) => recordsOf(`cluster-${at + 2}`, number)),
).flat();
await Promise.all(
  simulated.flatMap(({ serviceImport, slices }) => [
    broker.store.apply(Kinds.ServiceImport, serviceImport),
    ...slices.map((slice) => broker.store.apply(Kinds.EndpointSlice, slice)),
  ]),
);
for (const [cluster, { store }] of [west, east].entries()) {
  await Promise.all(
    numbersOf(cluster).map(async (number) => {
      const { service, slice, serviceExport } = objectsOf(number);
      await store.apply(Kinds.Service, service);
      await store.apply(Kinds.EndpointSlice, slice);
      await store.apply(Kinds.ServiceExport, serviceExport);
    }),
  );
}

const agentOf = (id: string, { api }: Site): Promise<PharosProcess> =>
  startPharos(
    'agent',
    `--cluster-id=${id}`,
    `--kubeconfig=${api.kubeconfig}`,
    `--broker-kubeconfig=${broker.api.kubeconfig}`,
    '--log-level=warn',
  );
const callsOf = (metrics: Metrics, store?: string): number =>
  metrics.sum('pharos_store_calls_total', store === undefined ? {} : { store });
/** Waits until an agent has nothing more to do and `imports` are there. */
async function done(agent: PharosProcess, imports: number): Promise<Metrics> {
  let before = -1;
  return until(
    `${imports} imports, and rest`,
    LIMIT_MS,
    async () => {
      const metrics = await readMetrics(agent.metricsUrl);
      const written = metrics.sum('pharos_agent_writes_total');
      const isSame = written === before;
      before = written;
      const isRest = metrics.sum('pharos_agent_queue_depth') === 0 && isSame;
      return isRest && metrics.sum('pharos_agent_seen_services', { state: 'imported' }) >= imports
        ? metrics
        : undefined;
    },
    200,
  );
}

// The same lists and writes without an agent: what the API servers and the client take for themselves.
say('the plain lists and writes…');
let started = performance.now();
const [, , standing] = await Promise.all([
  east.store.list(Kinds.EndpointSlice),
  broker.store.list(Kinds.EndpointSlice),
  broker.store.list(Kinds.ServiceImport),
  east.store.list(Kinds.Service),
  east.store.list(Kinds.ServiceExport),
]);
const plainListSeconds = secondsSince(started);
const own = numbersOf(1).map((number) => recordsOf('east', number));
const namespaced = [...simulated, ...own].map((record) => ({
  ...record,
  namespace: namespaceOf(record.number),
}));
started = performance.now();
await Promise.all([
  ...namespaced.map(async ({ serviceImport, slices, namespace, name }) => {
    const imported = { ...serviceImport, metadata: { ...serviceImport.metadata, name, namespace } };
    await Promise.all([
      plain.store
        .apply(Kinds.ServiceImport, imported)
        .then(() => plain.store.applyStatus(Kinds.ServiceImport, { ...imported, status: { clusters: [] } })),
      ...slices.map((slice) =>
        plain.store.apply(Kinds.EndpointSlice, { ...slice, metadata: { ...slice.metadata, namespace } }),
      ),
    ]);
  }),
  ...own.flatMap(({ serviceImport, slices }) => [
    plain.store.apply(Kinds.ServiceImport, serviceImport),
    ...slices.map((slice) => plain.store.apply(Kinds.EndpointSlice, slice)),
  ]),
]);
const plainSeconds = plainListSeconds + secondsSince(started);
row(
  'plain lists and writes',
  `${plainSeconds.toFixed(1)} s (lists ${plainListSeconds.toFixed(1)} s of ${standing.length} records)`,
);

say('cold start of the agent in east…');
started = performance.now();
await using eastAgent = await agentOf('east', east);
let metrics = await done(eastAgent, simulated.length + own.length);
const coldSeconds = secondsSince(started);
row(
  'cold start to the exact state',
  `${coldSeconds.toFixed(1)} s = ${(coldSeconds / plainSeconds).toFixed(2)} x plain`,
  '<= 3 x',
);
row('calls of it', `${callsOf(metrics, 'member')} member, ${callsOf(metrics, 'broker')} broker`);
row('agent after its cold start', mb(metrics.sum('process_resident_memory_bytes')), '<= 400 MB');
row('agent, CPU of its cold start', `${metrics.sum('process_cpu_seconds_total').toFixed(1)} s`);

say('starting the agent in west and the DNS server in east…');
await using westAgent = await agentOf('west', west);
await done(westAgent, clusters * services);
await done(eastAgent, clusters * services);
const port = await freePort();
await using dns = await startPharos(
  'dns',
  '--cluster-id=east',
  `--kubeconfig=${east.api.kubeconfig}`,
  `--listen=127.0.0.1:${port}`,
);
await dns.ready(LIMIT_MS);
const left = await differences({
  members: [
    { id: 'west', store: west.store },
    { id: 'east', store: east.store },
  ],
  broker: broker.store,
});
row('objects that differ from a fresh computation', String(left.length), '0');
for (const line of left.slice(0, 10)) say(line);

say('at rest…');
metrics = await readMetrics(eastAgent.metricsUrl);
await sleep(seconds * 1000);
let later = await readMetrics(eastAgent.metricsUrl);
row('agent at rest', mb(later.sum('process_resident_memory_bytes')), '<= 400 MB');
const cpu = later.sum('process_cpu_seconds_total') - metrics.sum('process_cpu_seconds_total');
row('agent at rest, CPU', `${((cpu / seconds) * 100).toFixed(1)} %`);
row('agent at rest, calls', `${callsOf(later) - callsOf(metrics)} in ${seconds} s`);

say(`rolling update of ${pods} pods…`);
const { service: large, serviceExport: largeExport } = objectsOf(clusters * services);
const PER_SLICE = 100;
const sliceCount = Math.ceil(pods / PER_SLICE);
await west.store.apply(Kinds.Service, { ...large, spec: { ports: large.spec.ports ?? [] } });
await Promise.all(
  Array.from({ length: sliceCount }, (_, at) =>
    west.store.apply(Kinds.EndpointSlice, rolledSlice(large, at, PER_SLICE, 0)),
  ),
);
await west.store.apply(Kinds.ServiceExport, largeExport);
await done(westAgent, clusters * services + 1);
const beforeRoll = await readMetrics(westAgent.metricsUrl);
let updates = 0;
for (let share = 1; share <= 10; share++) {
  await Promise.all(
    Array.from({ length: sliceCount }, async (_, at) => {
      updates++;
      await west.store.apply(Kinds.EndpointSlice, rolledSlice(large, at, PER_SLICE, share / 10));
    }),
  );
}
await done(westAgent, clusters * services + 1);
later = await readMetrics(westAgent.metricsUrl);
const written = (now: Metrics, store: string): number => now.sum('pharos_agent_writes_total', { store });
row(
  `broker writes by a rolling update (${updates} slice updates)`,
  String(written(later, 'broker') - written(beforeRoll, 'broker')),
  '<= 4',
);

const probe = objectsOf(clusters * services + 1);
const probeService = { ...probe.service, spec: { ...probe.service.spec, clusterIP: 'None' } };
const owner = `${headlessName(probe.service)}.svc.clusterset.local`;
const change = async (at: number): Promise<number> => {
  const address = `10.77.${at >> 8}.${at & 255}`;
  await west.store.apply(Kinds.EndpointSlice, podSlice(probeService, [address]));
  return answered(port, owner, address, LIMIT_MS);
};
await west.store.apply(Kinds.Service, probeService);
await west.store.apply(Kinds.ServiceExport, probe.serviceExport);
await change(0);

say('changes, one at a time…');
const alone: number[] = [];
const callsBefore =
  callsOf(await readMetrics(westAgent.metricsUrl)) + callsOf(await readMetrics(eastAgent.metricsUrl));
for (let at = 1; at <= rounds; at++) {
  await sleep(50 + Math.random() * 50);
  alone.push(await change(at));
}
const callsAfter =
  callsOf(await readMetrics(westAgent.metricsUrl)) + callsOf(await readMetrics(eastAgent.metricsUrl));
row('endpoint changed in west, answered in east', quantiles(alone), 'p50 <= 60 ms, p99 <= 200 ms');
row('calls of both agents per change', ((callsAfter - callsBefore) / rounds).toFixed(1));

say(`the same while ${rate} services a second change…`);
const loads = numbersOf(0);
const stop = new AbortController();
let loadChanges = 0;
const loading = (async () => {
  const begun = performance.now();
  const under = new Set<Promise<unknown>>();
  while (!stop.signal.aborted) {
    // As many as are due by now: a tick that comes late makes up for it.
    for (; loadChanges < secondsSince(begun) * rate; loadChanges++) {
      const { service } = objectsOf(loads[loadChanges % loads.length] ?? 0);
      const address = `10.88.${(loadChanges >> 8) & 255}.${loadChanges & 255}`;
      const writing = west.store.apply(Kinds.EndpointSlice, podSlice(service, [address]));
      under.add(writing);
      void writing.finally(() => under.delete(writing));
    }
    await sleep(10);
  }
  await Promise.all(under);
  return loadChanges / secondsSince(begun);
})();
const loaded: number[] = [];
started = performance.now();
for (let at = rounds + 1; secondsSince(started) < seconds || loaded.length < 3; at++) {
  await sleep(20 + Math.random() * 20);
  loaded.push(await change(at));
}
stop.abort();
const reached = await loading;
row(`endpoint changed, answered, at ${reached.toFixed(0)} changes/s`, quantiles(loaded), 'p99 <= 1000 ms');
await done(eastAgent, clusters * services + 2);
row(
  'agent in the end',
  mb((await readMetrics(eastAgent.metricsUrl)).sum('process_resident_memory_bytes')),
  '<= 400 MB',
);
row(
  'dns in the end',
  mb((await readMetrics(dns.metricsUrl)).sum('process_resident_memory_bytes')),
  '<= 300 MB',
);

console.log(`${clusters} clusters x ${services} services`);
for (const [what, value, target] of rows) console.log(`${what.padEnd(52)} ${value.padEnd(44)} ${target}`);
for (const { store } of [broker, west, east, plain]) store.close();
