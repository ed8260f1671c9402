/**
 * `npm run bench:propagation`: how long from a change in west until the DNS server in east answers with it.
 *
 * Everything is real: three kube-apiservers (broker, west, east), `pharos agent` in west and east, `pharos
 * dns` in east, UDP questions. The clock starts when the API server has accepted the change and stops at
 * the first answer that shows it; east is asked every other millisecond.
 *
 *   npm run bench:propagation -- [--rounds N]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openLab } from '../lab/lab.ts';
import { freePort } from '../lab/ports.ts';
import { openKubernetesStore } from '../../src/store/kubernetes.ts';
import { Kinds } from '../../src/api/kinds.ts';
import { silentLog } from '../../src/observability/log.ts';
import { startPharos } from '../support/pharos.ts';
import { answered, quantile } from './support/answered.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '100' } } });
const rounds = Number(values.rounds);

await using lab = await openLab({ name: 'propagation' });
console.error('starting three API servers…');
const [broker, west, east] = await Promise.all([lab.api('broker'), lab.api('west'), lab.api('east')]);
await broker.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pharos-broker' } }]);
for (const cluster of [west, east]) {
  await cluster.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }]);
}

const port = await freePort();
const agentOf = (id: string, kubeconfig: string) =>
  startPharos(
    'agent',
    '--cluster-id',
    id,
    '--kubeconfig',
    kubeconfig,
    '--broker-kubeconfig',
    broker.kubeconfig,
  );
await using westAgent = await agentOf('west', west.kubeconfig);
await using eastAgent = await agentOf('east', east.kubeconfig);
await using dns = await startPharos(
  'dns',
  '--cluster-id=east',
  `--kubeconfig=${east.kubeconfig}`,
  `--listen=127.0.0.1:${port}`,
);
await Promise.all([westAgent, eastAgent, dns].map((process) => process.ready(180_000)));

const store = await openKubernetesStore({ kubeconfig: west.kubeconfig, log: silentLog });
const name = 'mysql.shop.svc.clusterset.local';

const slice = (address: string) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice' as const,
  metadata: { name: 'mysql-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'mysql' } },
  addressType: 'IPv4' as const,
  endpoints: [{ addresses: [address], conditions: { ready: true }, hostname: 'mysql-0' }],
  ports: [{ name: 'mysql', port: 3306, protocol: 'TCP' as const }],
});
const serviceExport = {
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport' as const,
  metadata: { name: 'mysql', namespace: 'shop' },
};

await store.apply(Kinds.Service, {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'mysql', namespace: 'shop' },
  spec: { clusterIP: 'None', ports: [{ name: 'mysql', port: 3306 }] },
});
await store.apply(Kinds.EndpointSlice, slice('10.1.0.1'));

const measured: Record<string, number[]> = {
  'export created': [],
  'endpoint changed': [],
  'export deleted': [],
};
for (let round = 0; round < rounds; round++) {
  if (process.stderr.isTTY) process.stderr.write(`\rround ${round + 1} of ${rounds}`);
  const before = `10.1.${round % 250}.1`;
  const after = `10.1.${round % 250}.2`;
  await store.apply(Kinds.EndpointSlice, slice(before));
  await sleep(50 + Math.random() * 50); // rounds must not fall into step with anything periodic
  await store.apply(Kinds.ServiceExport, serviceExport);
  measured['export created']?.push(await answered(port, name, before));
  await sleep(50 + Math.random() * 50);
  await store.apply(Kinds.EndpointSlice, slice(after));
  measured['endpoint changed']?.push(await answered(port, name, after));
  await sleep(50 + Math.random() * 50);
  await store.remove(Kinds.ServiceExport, { name: 'mysql', namespace: 'shop' });
  measured['export deleted']?.push(await answered(port, name, undefined));
}
if (process.stderr.isTTY) process.stderr.write('\n');

console.log(`change in west → answer in east, ${rounds} rounds, milliseconds`);
console.log('                   p50    p90    p99    max');
for (const [what, times] of Object.entries(measured)) {
  const at = (share: number): string => quantile(times, share).toFixed(0).padStart(6);
  console.log(`${what.padEnd(16)}${at(0.5)} ${at(0.9)} ${at(0.99)} ${at(1)}`);
}
