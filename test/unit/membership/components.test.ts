import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DaemonSet, Deployment } from '../../../src/api/administration.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import {
  componentsFor,
  dnsAddresses,
  shippedComponents,
  untilRunning,
  waitsFor,
} from '../../../src/membership/components.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';

const cluster = parseClusterId('west');
const shipped = await shippedComponents('member');
const names = (settings: Partial<Parameters<typeof componentsFor>[1]>): string[] =>
  componentsFor(shipped, { cluster, image: undefined, ...settings }).map(
    ({ object }) => `${object.kind} ${object.metadata.name}`,
  );

const deployment = (wanted: number, status: Deployment['status']): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'pharos-dns', namespace: 'pharos-system', generation: 3 },
  spec: { replicas: wanted, template: { spec: { containers: [] } } },
  ...(status !== undefined && { status }),
});
const daemonSet = (status: NonNullable<DaemonSet['status']>): DaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'pharos-gateway', namespace: 'pharos-system', generation: 3 },
  spec: { template: { spec: { containers: [] } } },
  status,
});

suite('what runs in a member', () => {
  test('is the agent and the DNS server, with their rights, before what uses them', () => {
    const all = names({});
    for (const name of [
      'Deployment pharos-agent',
      'Deployment pharos-dns',
      'Service pharos-dns',
      'ConfigMap pharos',
    ]) {
      assert.ok(all.includes(name), name);
    }
    assert.ok(all.indexOf('ServiceAccount pharos-dns') < all.indexOf('Deployment pharos-dns'));
    assert.equal(
      all.some((name) => /gateway|route-agent/.test(name)),
      false,
    );
  });

  test('knows what the cluster is called, and runs the image that was asked for', () => {
    const own = componentsFor(shipped, { cluster, image: 'registry.example.com/pharos:1' });
    const config = own.find(({ kind }) => kind === Kinds.ConfigMap)?.object;
    assert.deepEqual((config as { data?: object }).data, { PHAROS_CLUSTER_ID: 'west' });
    const images = own.flatMap(({ object }) =>
      'spec' in object && object.kind === 'Deployment'
        ? (object as Deployment).spec.template.spec.containers.map(({ image }) => image)
        : [],
    );
    assert.deepEqual(new Set(images), new Set(['registry.example.com/pharos:1']));
  });

  test('with gateways, knows its networks and its driver, and starts anew when they change', async () => {
    const all = await shippedComponents('member', 'host');
    const own = (variables: Record<string, string>) =>
      componentsFor(all, { cluster, image: undefined, hostImage: 'registry.example.com/host:1', variables });
    const workloads = (variables: Record<string, string>): DaemonSet[] =>
      own(variables)
        .filter(({ kind }) => kind === Kinds.DaemonSet)
        .map(({ object }) => object as DaemonSet);
    assert.deepEqual(
      workloads({}).map(({ metadata, spec }) => [metadata.name, spec.template.spec.containers[0]?.image]),
      [
        ['pharos-gateway', 'registry.example.com/host:1'],
        ['pharos-route-agent', 'registry.example.com/host:1'],
      ],
    );
    const config = own({ PHAROS_POD_CIDR: '10.1.0.0/16' }).find(
      ({ kind }) => kind === Kinds.ConfigMap,
    )?.object;
    assert.deepEqual((config as { data?: object }).data, {
      PHAROS_CLUSTER_ID: 'west',
      PHAROS_POD_CIDR: '10.1.0.0/16',
    });
    const checksum = (variables: Record<string, string>): string | undefined =>
      workloads(variables)[0]?.spec.template.metadata?.annotations?.['checksum/config'];
    assert.equal(checksum({ PHAROS_POD_CIDR: '10.1.0.0/16' }), checksum({ PHAROS_POD_CIDR: '10.1.0.0/16' }));
    assert.notEqual(
      checksum({ PHAROS_POD_CIDR: '10.1.0.0/16' }),
      checksum({ PHAROS_POD_CIDR: '10.2.0.0/16' }),
    );
  });

  test('carries Pharos’s mark, by which leaving finds it', () => {
    for (const { object } of componentsFor(shipped, { cluster, image: undefined })) {
      assert.equal(object.metadata.labels?.['pharos.io/managed-by'], 'pharos.io', object.metadata.name);
    }
  });
});

suite('a workload waits', () => {
  const cases: readonly (readonly [string, Deployment | DaemonSet, string | undefined])[] = [
    [
      'until its controller has seen it',
      deployment(2, { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }),
      '2 of 2 ready',
    ],
    ['before it has a status', deployment(2, undefined), '0 of 2 ready'],
    [
      'while old pods are still there',
      deployment(2, { observedGeneration: 3, replicas: 3, updatedReplicas: 2, availableReplicas: 3 }),
      '2 of 2 ready',
    ],
    [
      'while new pods are not available',
      deployment(2, { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 1 }),
      '1 of 2 ready',
    ],
    [
      'no more when all run',
      deployment(2, { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }),
      undefined,
    ],
    [
      'on each node',
      daemonSet({
        observedGeneration: 3,
        desiredNumberScheduled: 3,
        updatedNumberScheduled: 3,
        numberAvailable: 1,
      }),
      '1 of 3 ready',
    ],
    [
      'for no node where none is wanted',
      daemonSet({ observedGeneration: 3, desiredNumberScheduled: 0 }),
      undefined,
    ],
  ];
  for (const [what, workload, reason] of cases) {
    test(what, () => assert.equal(waitsFor(workload), reason));
  }

  test('not longer than it may: the error says what for, and what to do', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ location: 'west', clock });
    const { kind, object } = { kind: Kinds.Deployment, object: deployment(2, undefined) };
    await store.apply(kind, object);
    const lines: string[] = [];
    const waiting = untilRunning(store, [{ kind, object }], {
      clock,
      timeoutMs: 1000,
      onProgress: (line) => lines.push(line),
    });
    const refused = assert.rejects(
      waiting,
      /west: not ready after 1 s: Deployment pharos-dns: 0 of 2 ready; look at/,
    );
    for (let step = 0; step < 8; step++) await clock.advance(250);
    await refused;
    assert.deepEqual(lines, ['waiting for Deployment pharos-dns: 0 of 2 ready'], 'told once');
  });
});

test('the DNS server is reached at its Service, IPv4 first', async () => {
  const store = new MemoryStore({ location: 'west', clock: new FakeClock() });
  assert.deepEqual(await dnsAddresses(store), []);
  await store.apply(Kinds.Service, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'pharos-dns', namespace: 'pharos-system' },
    spec: { clusterIPs: ['fd00::53', '10.96.0.53'] },
  });
  assert.deepEqual(await dnsAddresses(store), ['10.96.0.53', 'fd00::53']);
});
