/**
 * `pharos explain` on real API servers: each class of "it resolves here and not there" is made as it happens, and told
 * by its cause. West exports, east asks; the agents are the real ones.
 */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { parseClusterId } from '../../src/api/identity.ts';
import { Kinds } from '../../src/api/kinds.ts';
import type { Lease } from '../../src/api/objects.ts';
import type { Gateway } from '../../src/api/tunnel.ts';
import { runExplain } from '../../src/commands/explain.ts';
import { configure } from '../../src/config/configure.ts';
import { explainSpec } from '../../src/config/specs/explain.ts';
import { Agent } from '../../src/discovery/agent.ts';
import { NO_FILTERS } from '../../src/discovery/import-filters.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import { openJoinedBroker } from '../../src/membership/open-broker.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { type Lab, openLab } from '../lab/lab.ts';
import { until } from '../lab/wait.ts';
import { recordingLog } from '../unit/support/recording-log.ts';
import { deploy, joinAs, NAMESPACE, type Site, site } from './membership/lab-clusterset.ts';

const PATIENCE_MS = 120_000;

const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
interface ServiceOptions {
  readonly headless?: true;
  readonly ready?: boolean;
  readonly toClusters?: string;
  readonly exported?: boolean;
  readonly endpoint?: string;
}
/** A Service with an endpoint, and its export. */
function service(key: string, options: ServiceOptions = {}) {
  const { headless, ready = true, toClusters, exported = true, endpoint = '10.20.30.40' } = options;
  const [inNamespace = '', name = ''] = key.split('/');
  const metadata = { name, namespace: inNamespace };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { ports: [{ name: 'http', port: 80 }], ...(headless && { clusterIP: 'None' }) },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [endpoint], conditions: { ready } }],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    },
    ...(exported
      ? [
          {
            apiVersion: 'multicluster.x-k8s.io/v1beta1',
            kind: 'ServiceExport',
            metadata: {
              ...metadata,
              ...(toClusters !== undefined && { annotations: { 'pharos.io/to-clusters': toClusters } }),
            },
          },
        ]
      : []),
  ];
}

/** What runs in a member, as its manifest has it: here only to be read. */
const workload = (name: string, ...args: string[]) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'pharos-system' },
  spec: {
    selector: { matchLabels: { name } },
    template: {
      metadata: { labels: { name } },
      spec: { containers: [{ name, image: 'pharos', args }] },
    },
  },
});

const corefile = (text: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'coredns', namespace: 'kube-system' },
  data: { Corefile: `.:53 {\n    cache 30\n    forward . /etc/resolv.conf\n}\n${text}` },
});

describe('pharos explain', () => {
  let lab: Lab;
  let broker: Site;
  let west: Site;
  let east: Site;
  const closing: (() => Promise<void>)[] = [];
  let stopWest: () => Promise<void>;

  before(async () => {
    lab = await openLab({ name: 'explain' });
    [broker, west, east] = await Promise.all([site(lab, 'broker'), site(lab, 'west'), site(lab, 'east')]);
    await deploy(broker);
    await broker.api.apply([
      {
        apiVersion: Kinds.Cluster.apiVersion,
        kind: 'Cluster',
        metadata: { name: 'east', namespace: NAMESPACE },
        spec: { clusterId: 'east', podCIDRs: ['10.99.0.0/16'], serviceCIDRs: [] },
      },
    ]);
    await joinAs('west', west, broker);
    await joinAs('east', east, broker);
    await east.api.apply([
      ...['shop', 'private'].map(namespace),
      workload('pharos-agent', 'agent', '--deny-namespaces=private'),
      workload('names-of-our-own', 'dns', '--ttl=7'),
      ...service('shop/mixed'),
    ]);
    await west.api.apply(['shop', 'private', 'lost'].map(namespace));
    await west.api.apply([
      ...service('shop/web'),
      ...service('shop/idle', { ready: false }),
      ...service('shop/narrow', { toClusters: 'north' }),
      ...service('shop/plain', { exported: false }),
      ...service('shop/mixed', { headless: true }),
      ...service('shop/astray', { headless: true, endpoint: '10.99.0.1' }),
      ...service('private/secret'),
      ...service('lost/web'),
    ]);
    stopWest = await startAgent('west', west);
    closing.push(await startAgent('east', east, { ...NO_FILTERS, denied: ['private'] }));
  });
  after(async () => {
    for (const close of [...closing, async () => stopWest?.()]) await close();
    for (const each of [broker, west, east]) each?.[Symbol.dispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  async function startAgent(name: string, member: Site, filters = NO_FILTERS): Promise<() => Promise<void>> {
    const { log } = recordingLog();
    const cluster = parseClusterId(name);
    const common = { cluster, clock: systemClock, random: Math.random, log };
    const joined = await openJoinedBroker({ member: member.store, ...common });
    assert.ok(joined);
    const agent = new Agent({
      ...common,
      member: member.store,
      broker: joined.store,
      brokerNamespace: joined.namespace,
      endpoints: 'service',
      filters,
    });
    await agent.synced;
    return async () => {
      await agent.close();
      joined.store.close();
    };
  }

  /** The command as `pharos` runs it, in this process: a start costs more than all it does. */
  async function explained(name: string, { kubeconfig } = east.api, ...more: string[]): Promise<Explanation> {
    const environment = { variables: {}, directory: '/' };
    const args = ['explain', name, `--kubeconfig=${kubeconfig}`, '-o', 'json', ...more];
    const configured = configure([explainSpec], '', args, environment);
    assert.ok(configured.type === 'run', JSON.stringify(configured));
    let written = '';
    const stdout = { write: (text: string) => (written += text) };
    const values = configured.values as unknown as Parameters<typeof runExplain>[0];
    await runExplain(values, {
      version: '',
      environment,
      stdout,
      stderr: stdout,
      process: new EventEmitter() as never,
    });
    return JSON.parse(written) as Explanation;
  }
  const untilTold = (
    name: string,
    check: (explanation: Explanation) => void,
    cluster = east,
  ): Promise<Explanation> =>
    until(name, PATIENCE_MS, async () => {
      const explanation = await explained(name, cluster.api);
      check(explanation);
      return explanation;
    });
  const hasCause =
    (cause: Explanation['verdict']['cause'], text: RegExp) =>
    ({ verdict }: Explanation): void => {
      assert.equal(verdict.cause, cause, verdict.text);
      assert.match(verdict.text, text);
    };

  test('a name that resolves: what the server answers, who exports it, and who made what', async () => {
    const { answer, candidates, steps, unknown } = await untilTold(
      'web.shop',
      hasCause('cluster-chosen', /^web\.shop\.svc\.clusterset\.local\. A resolves in east to 10\./),
    );
    const [only] = candidates;
    assert.ok(only?.chosen);
    assert.match(only.exported ?? '', /^20\d\d-/);
    // The time to live is that of the server's flags.
    assert.deepEqual(answer.answer, [`web.shop.svc.clusterset.local. 7 IN A ${only.addresses.join()}`]);
    const objects = steps.flatMap((step) =>
      step.objects.map((object) => `${object.in} ${object.kind} ${object.name}`),
    );
    assert.ok(objects.includes('broker ServiceImport web.shop.west'), objects.join());
    assert.ok(objects.includes('east ServiceImport web'), objects.join());
    assert.deepEqual(unknown, []);
  });

  const classes: Readonly<Record<string, readonly [string, Explanation['verdict']['cause'], RegExp]>> = {
    'the namespace is missing here': [
      'web.lost',
      'namespace-missing-here',
      /namespace lost does not exist in east, so lost\/web, which west exports, is not imported there$/,
    ],
    'no endpoint is ready': ['idle.shop', 'not-ready', /west: it has no ready endpoint/],
    'the export is for others': ['narrow.shop', 'not-for-this-cluster', /west: its export is for north /],
    'this cluster filters it': [
      'secret.private',
      'filtered',
      /west: east does not let it in: namespace private is among --deny-namespaces$/,
    ],
    "it is in this cluster's own networks": [
      'astray.shop',
      'own-address',
      /west: it has no ready endpoint that is let in: 10\.99\.0\.1 is an address of this cluster itself, in 10\.99\.0\.0\/16 \(pods\)$/,
    ],
    'the types differ': [
      'west.mixed.shop.svc',
      'type-conflict',
      /west: its export is Headless, while the oldest one, of east, is ClusterSetIP$/,
    ],
    'nobody exports it': ['wbe.shop', 'no-such-service', /no cluster exports .*; there is web\.shop\.svc/],
  };
  for (const [why, [name, cause, text]] of Object.entries(classes)) {
    test(`${why}: ${cause}`, async () => {
      await untilTold(name, hasCause(cause, text));
    });
  }

  test('the Service is there and not exported, as its own cluster sees it', async () => {
    const { changes } = await untilTold(
      'plain.shop',
      hasCause('not-exported', /west: it has the Service, and no ServiceExport of it$/),
      west,
    );
    assert.equal(changes[0]?.command, 'pharos export plain -n shop');
  });

  test('the exporter is drained, by whom', async () => {
    const drains = { name: 'pharos-drained', namespace: NAMESPACE };
    const drain = { by: 'alice', at: '2026-11-25T01:00:00Z', why: 'new kernel' };
    await broker.api.apply([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: drains, data: { west: JSON.stringify(drain) } },
    ]);
    const { changes, answer } = await untilTold(
      'web.shop',
      hasCause('drained', /west: drained by alice at 2026-11-25T01:00:00Z: new kernel$/),
    );
    assert.equal(changes[0]?.command, 'pharos undrain west');
    assert.match(answer.ede?.text ?? '', /drained by/);
    await broker.store.remove(Kinds.ConfigMap, drains);
    await untilTold('web.shop', hasCause('cluster-chosen', /resolves in east/));
  });

  test('the exporter cannot be reached, since when', async () => {
    const since = '2026-11-25T01:02:03Z';
    const gateway: Gateway = {
      apiVersion: Kinds.Gateway.apiVersion,
      kind: 'Gateway',
      metadata: { name: 'node-1', namespace: 'pharos-system' },
    };
    await east.store.apply(Kinds.Gateway, gateway);
    const connections = [{ cluster: 'west', state: 'error' as const, reason: 'no answer to probes', since }];
    await east.store.applyStatus(Kinds.Gateway, { ...gateway, status: { connections } });
    const { candidates } = await untilTold(
      'web.shop',
      hasCause('unreachable', /no answer to probes, since /),
    );
    assert.equal(candidates[0]?.since, since);
    await east.store.remove(Kinds.Gateway, gateway.metadata);
  });

  test('cluster DNS: what it keeps, and that it never asks Pharos', async () => {
    await east.api.apply([corefile('clusterset.local:53 {\n    cache 3\n    forward . 10.96.0.53\n}\n')]);
    const { caches } = await explained('web.shop');
    assert.deepEqual(
      caches.map(({ at, keepsSeconds }) => [at, keepsSeconds]),
      [
        ['client', 7],
        ['cluster-dns', 3],
      ],
    );
    await east.api.apply([corefile('')]);
    const { steps } = await explained('web.shop');
    assert.deepEqual(
      steps.filter(({ state }) => state === 'cause').map(({ id }) => id),
      ['caches'],
    );
  });

  test('what is known may be old: the exporter is silent since when', async () => {
    await stopWest();
    const [lease] = await broker.store.list(Kinds.Lease, {
      namespace: NAMESPACE,
      labels: { 'multicluster.kubernetes.io/source-cluster': 'west' },
    });
    assert.ok(lease);
    const renewTime = '2026-11-24T10:00:00.000000Z';
    const {
      managedFields: _managed,
      resourceVersion: _version,
      ...metadata
    } = lease.metadata as Lease['metadata'] & {
      managedFields?: unknown;
    };
    await broker.store.apply(Kinds.Lease, { ...lease, metadata, spec: { ...lease.spec, renewTime } });
    const { steps } = await explained('web.shop');
    const text = steps.find(({ id }) => id === 'exports')?.text ?? '';
    assert.match(text, /west is silent since 2026-11-24T10:00:00\.000000Z: what is known of it may be old/);
  });

  test('whoever may read less is told what was not looked at', async () => {
    await east.api.apply([
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'looker' },
        rules: [
          { apiGroups: ['multicluster.x-k8s.io'], resources: ['serviceimports'], verbs: ['get', 'list'] },
          { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list'] },
        ],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'looker' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'looker' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'looker' }],
      },
    ]);
    const kubeconfig = await east.api.kubeconfigFor({ user: 'looker' });
    const { verdict, unknown, steps } = await explained(
      'web.shop',
      { ...east.api, kubeconfig },
      '--cluster-id=east',
    );
    assert.equal(verdict.answer, 'records');
    assert.deepEqual(
      steps.map(({ id }) => id),
      ['zone', 'name', 'clusters', 'choice', 'answer'],
    );
    for (const what of [
      /^The flags of pharos dns/,
      /^Which clusters are drained/,
      /^What is behind the zone/,
    ]) {
      assert.ok(
        unknown.some((text) => what.test(text)),
        `${String(what)} in ${unknown.join('\n')}`,
      );
    }
  });
});
