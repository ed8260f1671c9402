/**
 * `npm run bench:memory`: what the published package takes in memory and how soon it is ready, with all services of a
 * large clusterset in a real API server, beside CoreDNS (`kubernetes { multicluster }`) on the same; and how soon a
 * change of one service is in the answers.
 *
 *   npm run bench:memory -- [--services N] [--endpoints N] [--changes N]
 *
 * `--endpoints` are all of headless services, 500 each: each endpoint has a name of its own.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Kinds } from '../../src/api/kinds.ts';
import { Label, MANAGED_BY } from '../../src/api/names.ts';
import type { EndpointSlice, ServiceImport } from '../../src/api/objects.ts';
import { silentLog } from '../../src/observability/log.ts';
import { openKubernetesStore } from '../../src/store/kubernetes.ts';
import { ensureBinaries } from '../lab/binaries.ts';
import { openLab } from '../lab/lab.ts';
import { freePort } from '../lab/ports.ts';
import { Daemon } from '../lab/processes.ts';
import { until } from '../lab/wait.ts';
import { query, read } from '../unit/dns/support/messages.ts';
import { populate } from './support/populate.ts';
import { benchServices, objectsOf } from './support/services.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    endpoints: { type: 'string', default: '0' },
    changes: { type: 'string', default: '100' },
  },
});
const [count, endpoints, changes] = [values.services, values.endpoints, values.changes].map(Number) as [
  number,
  number,
  number,
];
const PER_SERVICE = 500;
const root = join(import.meta.dirname, '../..');

const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.ts')], { stdio: 'inherit' });
if (status !== 0) process.exit(1);

await using lab = await openLab({ name: 'bench-memory' });
console.error('bench: filling an API server…');
const api = await lab.api('member');
const services = benchServices(count).filter(({ headless }) => !headless);
await populate(api, services);
const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
const names: string[] = services.map(({ name, namespace }) => `${name}.${namespace}.svc.clusterset.local`);
for (let n = 0; n < endpoints / PER_SERVICE; n++) {
  const [serviceImport, slice] = headless(n);
  await store.apply(Kinds.ServiceImport, serviceImport);
  await store.apply(Kinds.EndpointSlice, slice);
  names.push(
    ...slice.endpoints.map(({ hostname }) => `${hostname}.west.big${n}.ns${n % 50}.svc.clusterset.local`),
  );
}

function headless(n: number): [ServiceImport, EndpointSlice] {
  const namespace = `ns${n % 50}`;
  const ports = [{ name: 'p', port: 1, protocol: 'TCP' as const }];
  return [
    {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: { namespace, name: `big${n}` },
      spec: { type: 'Headless', ports, ips: [] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        namespace,
        name: `big${n}.west`,
        labels: {
          [Label.serviceName]: `big${n}`,
          [Label.sourceCluster]: 'west',
          [Label.managedBy]: MANAGED_BY,
        },
      },
      addressType: 'IPv4',
      endpoints: Array.from({ length: PER_SERVICE }, (_, index) => ({
        addresses: [`10.${128 + (n >> 7)}.${((n & 127) << 1) | (index >> 8)}.${index & 255}`],
        conditions: { ready: true },
        hostname: `pod-${index}`,
      })),
      ports,
    },
  ];
}

const megabytes = async (pid: number, field: string): Promise<number> =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const socket = createSocket('udp4');
socket.bind(0, '127.0.0.1');
await once(socket, 'listening');
socket.setRecvBufferSize(4 << 20);

/** Asks once and waits for the answer: its addresses, or undefined after a while. */
async function ask(port: number, name: string, waitMs = 1000): Promise<readonly string[] | undefined> {
  const signal = AbortSignal.timeout(waitMs);
  socket.send(query({ name }), port, '127.0.0.1');
  try {
    const [bytes] = (await once(socket, 'message', { signal })) as [Buffer];
    return (read(bytes).answers ?? []).flatMap((record) => (record.type === 'A' ? [record.data] : []));
  } catch {
    return undefined;
  }
}

async function measure(name: string, port: number, words: readonly string[]): Promise<Daemon> {
  const started = performance.now();
  const [program = '', ...args] = words;
  const daemon = new Daemon(program, args, name, { lab: lab.id, logFile: join(lab.dir, `${name}.log`) });
  const last = names.at(-1)!;
  await until(
    `${name} answers`,
    120_000,
    async () => ((await ask(port, last, 100)) ?? []).length > 0 || undefined,
    5,
  );
  const ready = performance.now() - started;
  const before = await megabytes(daemon.pid, 'VmRSS');
  let answered = 0;
  for (const each of names) if (((await ask(port, each)) ?? []).length > 0) answered++;
  const after = await megabytes(daemon.pid, 'VmRSS');
  const peak = await megabytes(daemon.pid, 'VmHWM');
  console.log(
    `${name}: answers after ${ready.toFixed(0)} ms; ${before.toFixed(0)} MB then, ${after.toFixed(0)} MB when all ${answered} of ${names.length} names were asked for, ${peak.toFixed(0)} MB at most`,
  );
  return daemon;
}

const port = await freePort();
const pharos = await measure('pharos', port, [
  process.execPath,
  join(root, 'dist/cli.js'),
  'dns',
  '--cluster-id=east',
  `--kubeconfig=${api.kubeconfig}`,
  `--listen=127.0.0.1:${port}`,
  `--metrics-listen=127.0.0.1:${await freePort()}`,
  '--log-level=warn',
]);

/** From the moment that the API server has taken a change until an answer has it. */
const times: number[] = [];
for (let n = 0; n < changes; n++) {
  const service = services[n % services.length]!;
  const address = `10.250.${(n >> 8) & 255}.${n & 255}`;
  await store.apply(Kinds.ServiceImport, objectsOf({ ...service, addresses: [address] })[0]);
  const accepted = performance.now();
  const name = `${service.name}.${service.namespace}.svc.clusterset.local`;
  let answers: readonly string[] | undefined;
  do answers = await ask(port, name);
  while (answers?.includes(address) !== true);
  times.push(performance.now() - accepted);
}
times.sort((a, b) => a - b);
const at = (share: number): string =>
  (times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN).toFixed(1);
console.log(`a change of one service, accepted → answered: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
await pharos.stop();

const corePort = await freePort();
const corefile = join(lab.dir, 'Corefile');
await writeFile(
  corefile,
  `clusterset.local:${corePort} {\n  bind 127.0.0.1\n  kubernetes cluster.local clusterset.local {\n    kubeconfig ${api.kubeconfig}\n    multicluster clusterset.local\n  }\n  cache\n}\n`,
);
const { coredns } = await ensureBinaries(['coredns']);
await (await measure('coredns', corePort, [coredns, '-conf', corefile])).stop();
store.close();
socket.close();
