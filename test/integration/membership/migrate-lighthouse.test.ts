/**
 * `pharos migrate lighthouse` on a real API server with objects of both kinds, a real CoreDNS as cluster DNS that
 * reads its Corefile anew, another as Lighthouse's, and the real agent and DNS server of Pharos: a client asks all
 * the time, and no answer is missing or wrong. What kubelet and kube-proxy would do, the test does: the ConfigMap
 * becomes a file, and Service addresses lead to processes.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { SERVICE_DISCOVERY } from '../../../src/membership/lighthouse/kinds.ts';
import type { CoreDns } from '../../lab/coredns.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { ask } from '../../support/ask.ts';
import { definitionOf } from '../../support/definition-of.ts';
import { runCli } from '../../support/cli-process.ts';
import { type PharosProcess, startPharos } from '../../support/pharos.ts';
import { deploy, type Site, site } from './lab-clusterset.ts';

const NAME = 'web.shop.svc.clusterset.local';
const labels = {
  'endpointslice.kubernetes.io/managed-by': 'lighthouse-agent.submariner.io',
  'lighthouse.submariner.io/sourceNamespace': 'shop',
  'lighthouse.submariner.io/is-headless': 'false',
  'multicluster.kubernetes.io/source-cluster': 'west',
  'multicluster.kubernetes.io/service-name': 'web',
};
const SUBMARINER = 'submariner-operator';
const deployment = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: SUBMARINER },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image: 'lighthouse' }] } },
  },
});
const service = (namespace: string, name: string, selector = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
});

let lab: Lab;
let dir: string;
let west: Site;
let broker: Site;
let lighthouse: CoreDns;
let clusterDns: CoreDns;
const processes: PharosProcess[] = [];
let addressOf: Record<'web' | 'lighthouse' | 'pharos', string>;
let pharosPort: number;
/** Writes the Corefile as it stands in the ConfigMap, as a node does. */
let mount: () => Promise<void>;

before(async () => {
  lab = await openLab({ name: 'migrate' });
  dir = await mkdtemp(join(tmpdir(), 'pharos-migrate-'));
  [broker, west] = await Promise.all([site(lab, 'broker'), site(lab, 'west')]);
  await deploy(broker);
  await west.api.apply([
    ...['shop', SUBMARINER, 'pharos-system'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    })),
    definitionOf(SERVICE_DISCOVERY),
  ]);
  await west.api.apply([
    service('shop', 'web', { app: 'web' }),
    service(SUBMARINER, 'submariner-lighthouse-coredns', { app: 'submariner-lighthouse-coredns' }),
    service('pharos-system', 'pharos-dns', { app: 'pharos-dns' }),
    deployment('submariner-operator'),
    deployment('submariner-lighthouse-agent'),
  ]);
  const ip = async (namespace: string, name: string): Promise<string> =>
    (await west.store.get(Kinds.Service, { namespace, name }))?.spec.clusterIP ?? '';
  addressOf = {
    web: await ip('shop', 'web'),
    lighthouse: await ip(SUBMARINER, 'submariner-lighthouse-coredns'),
    pharos: await ip('pharos-system', 'pharos-dns'),
  };
  const endpoints = [{ addresses: [addressOf.web], conditions: { ready: true } }];
  await until('the CRD served', 30_000, async () => {
    await west.api.apply([
      {
        apiVersion: 'submariner.io/v1alpha1',
        kind: 'ServiceDiscovery',
        metadata: { name: 'service-discovery', namespace: SUBMARINER },
        spec: {
          clusterID: 'west',
          brokerK8sApiServer: 'broker.example:6443',
          brokerK8sRemoteNamespace: 'submariner-k8s-broker',
          globalnetEnabled: false,
        },
      },
    ]);
    return true;
  });
  await west.api.apply([
    {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceExport',
      metadata: { name: 'web', namespace: 'shop' },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-abc', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.0.7'], conditions: { ready: true } }],
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
    },
    {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { type: 'ClusterSetIP', ports: [{ name: 'dns', port: 53, protocol: 'UDP' }], ips: [] },
    },
    {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: { name: 'web-shop-west', namespace: SUBMARINER, labels: { ...labels } },
      spec: {
        type: 'ClusterSetIP',
        ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
        ips: [addressOf.web],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-shop-west', namespace: 'shop', labels },
      addressType: 'IPv4',
      endpoints,
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace: 'kube-system' },
      data: {
        Corefile:
          `#lighthouse-start AUTO-GENERATED SECTION. DO NOT EDIT\nclusterset.local:53 {\n    forward . ${addressOf.lighthouse}\n}\n` +
          '#lighthouse-end\n.:53 {\n    errors\n    reload 2s 1s\n    whoami\n}\n',
      },
    },
  ]);
  await west.store.applyStatus(Kinds.ServiceImport, {
    apiVersion: Kinds.ServiceImport.apiVersion,
    kind: 'ServiceImport',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { type: 'ClusterSetIP', ports: [] },
    status: { clusters: [{ cluster: 'west' }] },
  });

  lighthouse = await lab.coredns(
    `clusterset.local {\n  hosts {\n    ${addressOf.web} ${NAME}\n    ${addressOf.web} west.${NAME}\n  }\n}\n`,
  );
  pharosPort = await freePort();
  const corefile = join(dir, 'cluster.Corefile');
  mount = async () => {
    const map = await west.store.get(Kinds.ConfigMap, { namespace: 'kube-system', name: 'coredns' });
    const text = (map?.data?.['Corefile'] ?? '')
      .replaceAll(':53 {', ' {\n    bind 127.0.0.1')
      .replaceAll(`forward . ${addressOf.lighthouse}`, `forward . 127.0.0.1:${lighthouse.port}`)
      .replaceAll(`forward . ${addressOf.pharos}`, `forward . 127.0.0.1:${pharosPort}`);
    await writeFile(corefile, text);
  };
  await mount();
  clusterDns = await lab.coredns(`import ${corefile}
`);
  await until(
    'cluster DNS answers by Lighthouse',
    60_000,
    async () => (await answer()) === addressOf.web || undefined,
  );
});
after(async () => {
  for (const each of processes) await each[Symbol.asyncDispose]();
  for (const each of [broker, west]) each?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** What a pod gets, in one text. */
async function answer(): Promise<string> {
  const { rcode, answers } = await ask(clusterDns, NAME, 'A', 10_000);
  return answers.length === 0 ? rcode : answers.map((each) => each.replace('A ', '')).join(' ');
}

/** Asks without a pause while `act` runs. @returns every answer that was not the service's address */
async function whileAsking(act: () => Promise<void>): Promise<string[]> {
  const wrong: string[] = [];
  const asking = new AbortController();
  const asked = (async () => {
    while (!asking.signal.aborted) {
      const got = await answer();
      if (got !== addressOf.web) wrong.push(got);
    }
  })();
  try {
    await act();
  } finally {
    asking.abort();
    await asked;
  }
  return wrong;
}

/** Pharos's server says who it is, Lighthouse does not: whose answers a pod gets. */
async function answersBy(): Promise<'pharos' | 'lighthouse'> {
  const { answers } = await ask(clusterDns, 'dns-version.clusterset.local', 'TXT', 10_000);
  return answers.length > 0 ? 'pharos' : 'lighthouse';
}
const untilAnswersBy = (who: 'pharos' | 'lighthouse'): Promise<true> =>
  until(`cluster DNS answers by ${who}`, 90_000, async () => (await answersBy()) === who || undefined);

const migrate = (step: string): ReturnType<typeof runCli> =>
  runCli([
    'migrate',
    'lighthouse',
    `--step=${step}`,
    `--kubeconfig=${west.api.kubeconfig}`,
    `--lighthouse-server=127.0.0.1:${lighthouse.port}`,
    `--pharos-server=127.0.0.1:${pharosPort}`,
  ]);
const done = async (step: string): Promise<string> => {
  const { status, stdout, stderr } = await migrate(step);
  assert.equal(status, 0, stderr);
  return stdout + stderr;
};

test('the report says what there is, and what is in the way', async () => {
  const said = await done('report');
  for (const line of [
    /: Lighthouse answers\n/,
    /Lighthouse: cluster "west" of broker broker\.example:6443, namespace submariner-k8s-broker\n/,
    /exports: shop\/web\n/,
    /imports of Lighthouse: shop\/web \(ClusterSetIP, of west\)\n/,
    /EndpointSlices of Lighthouse: 1\n/,
    /cluster DNS: ConfigMap kube-system\/coredns, Corefile\n/,
    /in the way of taking over:\n {2}- \S+ is no member of a Pharos clusterset: run "pharos join"/,
  ]) {
    assert.match(said, line);
  }
});

test('Pharos’s own server answers from Lighthouse’s objects, once the cluster has joined', async () => {
  const { status, stderr } = await runCli([
    'join',
    '--no-components',
    '--cluster-id=west',
    `--kubeconfig=${west.api.kubeconfig}`,
    `--broker-kubeconfig=${broker.api.kubeconfig}`,
  ]);
  assert.equal(status, 0, stderr);
  const common = ['--cluster-id=west', `--kubeconfig=${west.api.kubeconfig}`];
  const started: PharosProcess[] = [
    await startPharos('dns', ...common, `--listen=127.0.0.1:${pharosPort}`),
    await startPharos('agent', ...common),
  ];
  processes.push(...started);
  await started[0]?.ready(60_000);
  await until('the answer of Pharos', 60_000, async () => {
    const { answers } = await ask({ address: '127.0.0.1', port: pharosPort }, NAME);
    return answers.join() === `A ${addressOf.web}` || undefined;
  });
});

test('taking over and going back lose no answer', async () => {
  const wrong = await whileAsking(async () => {
    assert.match(await done('take-over'), /for 4 names and types: 0 problems/);
    await mount();
    await untilAnswersBy('pharos');
    assert.match(await done('report'), /: Pharos answers in the place of Lighthouse\n/);
    await done('undo');
    await mount();
    await untilAnswersBy('lighthouse');
    await done('take-over');
    await mount();
    await untilAnswersBy('pharos');
  });
  assert.deepEqual(wrong, []);
});

test('finishing waits for who would undo it, and then leaves nothing that depends on Lighthouse', async () => {
  const refused = await migrate('finish');
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /scale deployment submariner-operator --replicas=0; .*submariner-lighthouse-agent/,
  );
  for (const name of ['submariner-operator', 'submariner-lighthouse-agent']) {
    await west.api.kubectl(['-n', SUBMARINER, 'scale', 'deployment', name, '--replicas=0']);
  }
  await until('the record on the broker', 60_000, async () => {
    return (await broker.store.list(Kinds.ServiceImport)).length > 0 || undefined;
  });
  const wrong = await whileAsking(async () => {
    await done('finish');
    await mount();
    await west.api.kubectl(['delete', 'namespace', SUBMARINER, '--wait=false']);
    const slices = await west.store.list(Kinds.EndpointSlice, {
      labels: { 'endpointslice.kubernetes.io/managed-by': 'lighthouse-agent.submariner.io' },
    });
    assert.deepEqual(slices, []);
    await lighthouse.stop();
    await untilAnswersBy('pharos');
  });
  assert.deepEqual(wrong, []);
  const own = await west.store.get(Kinds.ServiceImport, { namespace: 'shop', name: 'web' });
  assert.equal(own?.metadata.labels?.['pharos.io/managed-by'], 'pharos.io');
  const map = await west.store.get(Kinds.ConfigMap, { namespace: 'kube-system', name: 'coredns' });
  assert.doesNotMatch(map?.data?.['Corefile'] ?? '', /lighthouse/);
  assert.match(map?.data?.['Corefile'] ?? '', /# BEGIN pharos/);
});
