import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { EndpointSlice, Lease, ServiceImport } from '../../../src/api/objects.ts';
import { membersOf, readBroker } from '../../../src/membership/members.ts';
import { planMemberRemoval, removeMember } from '../../../src/membership/remove-member.ts';
import { NAMESPACE, cluster, clusterset, id, inventory, join } from './fixture.ts';
import type { Clusterset } from './fixture.ts';

const owned = (name: string, owner: string) => ({
  name,
  namespace: NAMESPACE,
  labels: { 'multicluster.kubernetes.io/source-cluster': owner },
});

/** Two exports of a cluster with a slice each, and its heartbeat. */
async function export2({ broker }: Clusterset, owner: string): Promise<void> {
  for (const service of ['mysql', 'web']) {
    await broker.apply<ServiceImport>(Kinds.ServiceImport, {
      apiVersion: Kinds.ServiceImport.apiVersion,
      kind: 'ServiceImport',
      metadata: owned(`${service}.shop.${owner}`, owner),
      spec: { type: 'ClusterSetIP', ports: [] },
    });
    await broker.apply<EndpointSlice>(Kinds.EndpointSlice, {
      apiVersion: Kinds.EndpointSlice.apiVersion,
      kind: 'EndpointSlice',
      metadata: owned(`${service}.shop.${owner}.ipv4`, owner),
      addressType: 'IPv4',
      endpoints: [],
      ports: [],
    });
  }
  await broker.apply<Lease>(Kinds.Lease, {
    apiVersion: Kinds.Lease.apiVersion,
    kind: 'Lease',
    metadata: owned(owner, owner),
    spec: { renewTime: '2026-01-01T10:00:00.000000Z' },
  });
}

async function westAndEast(): Promise<Clusterset> {
  const set = await clusterset();
  await join(set.deps, set.request);
  const east = await cluster('east', set.clock);
  await join({ ...set.deps, member: east }, { ...set.request, cluster: id('east') });
  await export2(set, 'west');
  await export2(set, 'east');
  return set;
}

test('each member shows since when it is one, what it exports and when it was last heard of', async () => {
  const { broker, clock, deps, request } = await westAndEast();
  const quiet = await cluster('quiet', clock);
  await join({ ...deps, member: quiet }, { ...request, cluster: id('quiet') });
  const members = membersOf(await readBroker(broker, NAMESPACE), Date.parse('2026-01-01T10:00:30Z'));
  assert.deepEqual(
    members.map(({ clusterUid: _uid, ...member }) => member),
    [
      ...['east', 'west'].map((name) => ({
        cluster: name,
        joined: '2026-01-01T00:00:00Z',
        lastSeen: '2026-01-01T10:00:00.000000Z',
        state: 'alive',
        services: 2,
        records: { ServiceImport: 2, EndpointSlice: 2 },
      })),
      { cluster: 'quiet', joined: '2026-01-01T00:00:00Z', state: 'never-heard', services: 0, records: {} },
    ].sort((a, b) => (a.cluster < b.cluster ? -1 : 1)),
  );
  assert.equal(new Set(members.map(({ clusterUid }) => clusterUid)).size, 3);
});

test('records that outlived their identity are shown as a member that never joined', async () => {
  const set = await clusterset();
  await export2(set, 'ghost');
  const [ghost] = membersOf(await readBroker(set.broker, NAMESPACE), Date.parse('2026-01-01T10:01:00Z'));
  assert.equal(ghost?.cluster, 'ghost');
  assert.equal(ghost.joined, undefined);
  assert.equal(ghost.state, 'silent');
  assert.equal(ghost.services, 2);
});

test('removing a member takes its identity and its records, and touches nobody else', async () => {
  const set = await westAndEast();
  const before = await inventory(set.broker);
  assert.equal(await removeMember(set.broker, NAMESPACE, id('west')), 4 + 5);
  const isWest = (line: string): boolean => /\/west@|[.-]west[-.@]/.test(line);
  assert.deepEqual(
    await inventory(set.broker),
    before.filter((line) => !isWest(line)),
  );
  assert.equal(before.filter(isWest).length, 9);
});

test('the right to write goes first and the claim on the id last', async () => {
  const { broker } = await westAndEast();
  const order = (await planMemberRemoval(broker, NAMESPACE, id('west'))).map(({ kind }) => kind.kind);
  assert.equal(
    order.join(' '),
    'RoleBinding RoleBinding ServiceImport ServiceImport EndpointSlice EndpointSlice Lease Role ServiceAccount',
  );
});

test('a removal that broke off is finished by the next one', async () => {
  const set = await westAndEast();
  const [first] = await planMemberRemoval(set.broker, NAMESPACE, id('west'));
  assert.ok(first);
  await set.broker.remove(first.kind, first.ref);
  await set.broker.remove(Kinds.ServiceAccount, { namespace: NAMESPACE, name: 'cluster-west' });
  assert.equal(await removeMember(set.broker, NAMESPACE, id('west')), 7);
  assert.deepEqual(
    membersOf(await readBroker(set.broker, NAMESPACE), 0).map((member) => member.cluster),
    ['east'],
  );
});
