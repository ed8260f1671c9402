import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { EndpointSlice, ServiceExport, ServiceImport } from '../../../src/api/objects.ts';
import {
  leave as carryOut,
  type Left,
  type LeaveDeps,
  type LeaveRequest,
  planLeave,
} from '../../../src/membership/leave.ts';
import type { MemoryStore } from '../../../src/store/memory.ts';
import { NAMESPACE, cluster, clusterset, definitions, id, inventory, join } from './fixture.ts';

const leave = async (deps: LeaveDeps, request: LeaveRequest): Promise<Left> =>
  carryOut(deps, await planLeave(deps, request));

const anyCluster = { cluster: undefined, brokerNamespace: NAMESPACE };

const exported = (name: string): ServiceExport => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: { name, namespace: 'shop' },
});

const imported = (name: string, labels: Record<string, string>): ServiceImport => ({
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: { name, namespace: 'shop', labels },
  spec: { type: 'ClusterSetIP', ports: [] },
});

const slice = (name: string, manager: string): EndpointSlice => ({
  apiVersion: Kinds.EndpointSlice.apiVersion,
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'shop', labels: { 'endpointslice.kubernetes.io/managed-by': manager } },
  addressType: 'IPv4',
  endpoints: [],
  ports: [],
});

/** What the agent writes into a user's namespace. */
async function work(member: MemoryStore): Promise<void> {
  await member.apply(Kinds.ServiceImport, imported('mysql', { 'pharos.io/managed-by': 'pharos.io' }));
  await member.apply(Kinds.EndpointSlice, slice('mysql.east.ipv4', 'pharos.io'));
}

test('leaving takes back all that joining and working made, and nothing else', async () => {
  const { broker, west, deps, request } = await clusterset();
  await west.apply(Kinds.EndpointSlice, slice('own', 'endpointslice-controller.k8s.io'));
  const before = [await inventory(broker), await inventory(west)];
  await join(deps, request);
  await work(west);
  const left = await leave({ member: west, broker }, anyCluster);
  assert.deepEqual([await inventory(broker), await inventory(west)], before);
  assert.deepEqual(left.kept, []);
  assert.equal(left.onBroker, 4);
});

test('leaving twice is leaving once', async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  await leave({ member: west, broker }, anyCluster);
  const before = [await inventory(broker), await inventory(west)];
  assert.deepEqual(await leave({ member: west, broker }, anyCluster), { onBroker: 0, inMember: 0, kept: [] });
  assert.deepEqual([await inventory(broker), await inventory(west)], before);
});

test('looking before leaving changes nothing', async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  const before = [await inventory(broker), await inventory(west)];
  const { onBroker, cluster: who } = await planLeave({ member: west, broker }, anyCluster);
  assert.equal(who, 'west');
  assert.equal(onBroker.length, 4);
  assert.deepEqual([await inventory(broker), await inventory(west)], before);
});

test('the Leases by which agents elected their leader go, also from a namespace that stays', async () => {
  const { broker, west, deps, request } = await clusterset();
  const metadata = { name: 'pharos-system' };
  await west.apply(Kinds.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
  const lease = (name: string) =>
    west.apply(Kinds.Lease, {
      apiVersion: Kinds.Lease.apiVersion,
      kind: 'Lease',
      metadata: { name, namespace: 'pharos-system' },
      spec: {},
    });
  await join(deps, request);
  await Promise.all([lease('pharos-agent'), lease('theirs')]);
  await leave({ member: west, broker }, anyCluster);
  assert.deepEqual(
    (await west.list(Kinds.Lease)).map(({ metadata: { name } }) => name),
    ['theirs'],
  );
});

test("users' ServiceExports stay, without the conditions that nobody keeps up to date any more", async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  await west.apply(Kinds.ServiceExport, exported('mysql'));
  await west.applyStatus(Kinds.ServiceExport, {
    ...exported('mysql'),
    status: {
      conditions: [
        { type: 'Ready', status: 'True', reason: 'Exported', message: '', lastTransitionTime: '' },
      ],
    },
  });
  const { kept } = await leave({ member: west, broker }, anyCluster);
  assert.deepEqual(kept, [
    "CustomResourceDefinition serviceexports.multicluster.x-k8s.io: 1 of its objects are not Pharos's",
  ]);
  const after = await west.get(Kinds.ServiceExport, { name: 'mysql', namespace: 'shop' });
  assert.deepEqual(after?.status, { conditions: [] });
});

test('a ServiceImport that somebody else made stays, and its definition with it', async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  await west.apply(Kinds.ServiceImport, imported('foreign', {}));
  const { kept } = await leave({ member: west, broker }, anyCluster);
  assert.deepEqual(kept, [
    "CustomResourceDefinition serviceimports.multicluster.x-k8s.io: 1 of its objects are not Pharos's",
  ]);
  assert.equal((await west.list(Kinds.ServiceImport)).length, 1);
});

test('a namespace pharos-system in which somebody keeps something stays', async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  await west.apply(Kinds.Secret, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'theirs', namespace: 'pharos-system' },
  });
  const { kept } = await leave({ member: west, broker }, anyCluster);
  assert.deepEqual(kept, ['Namespace pharos-system: Secret theirs is in it, which Pharos did not make']);
  assert.deepEqual(
    (await west.list(Kinds.Secret)).map(({ metadata }) => metadata.name),
    ['theirs'],
  );
});

test('definitions that were there before joining stay', async () => {
  const { broker, west, deps, request } = await clusterset();
  await west.apply(Kinds.CustomResourceDefinition, definitions.serviceImport);
  const before = await inventory(west);
  await join(deps, request);
  await leave({ member: west, broker }, anyCluster);
  assert.deepEqual(await inventory(west), before);
});

test('a cluster that is the broker, too, keeps the definition that the broker needs', async () => {
  const { broker, deps, request } = await clusterset();
  await broker.apply(Kinds.Namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'kube-system' },
  });
  const before = await inventory(broker);
  await join({ ...deps, member: broker }, request);
  const { kept } = await leave({ member: broker, broker }, anyCluster);
  assert.deepEqual(kept, [
    'CustomResourceDefinition clusters.pharos.io: this cluster is a broker, too',
    'CustomResourceDefinition endpoints.pharos.io: this cluster is a broker, too',
    'CustomResourceDefinition serviceimports.multicluster.x-k8s.io: this cluster is a broker, too',
  ]);
  const after = await inventory(broker);
  assert.deepEqual(
    before.filter((line) => !after.includes(line)),
    [],
  );
});

test("another cluster's identity is not removed by leaving under its name", async () => {
  const { broker, deps, request, clock } = await clusterset();
  await join(deps, request);
  const stranger = await cluster('stranger', clock);
  const before = await inventory(broker);
  await assert.rejects(leave({ member: stranger, broker }, { ...anyCluster, cluster: id('west') }), {
    code: 'id-taken',
  });
  assert.deepEqual(await inventory(broker), before);
});

test('a cluster that is told a wrong id of itself is left as it is', async () => {
  const { broker, west, deps, request } = await clusterset();
  await join(deps, request);
  const before = [await inventory(broker), await inventory(west)];
  await assert.rejects(leave({ member: west, broker }, { ...anyCluster, cluster: id('east') }), {
    code: 'id-differs',
    message: 'https://west:6443 is a member as "west", not as "east"; leave --cluster-id out',
  });
  assert.deepEqual([await inventory(broker), await inventory(west)], before);
});

test('without access to the broker the member takes back its own part', async () => {
  const { broker, west, deps, request } = await clusterset();
  const before = await inventory(west);
  await join(deps, request);
  const onBroker = await inventory(broker);
  assert.equal((await leave({ member: west, broker: undefined }, anyCluster)).onBroker, 0);
  assert.deepEqual(await inventory(west), before);
  assert.deepEqual(await inventory(broker), onBroker);
});
