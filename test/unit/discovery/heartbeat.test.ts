import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DRAINED_NAME, drainedManifest, parseDrained } from '../../../src/api/drained.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { Annotation } from '../../../src/api/names.ts';
import { namespace, service, serviceExport } from './objects.ts';
import { type Member, World } from './world.ts';

const lease = (world: World, cluster: string) =>
  world.broker.memory.get(Kinds.Lease, { name: cluster, namespace: 'pharos-broker' });

describe('a heartbeat', () => {
  it('is a Lease of the cluster’s name that is renewed while the agent runs, and nothing else is written', async () => {
    await using world = await World.open();
    const first = await lease(world, 'west');
    assert.equal(first?.metadata.labels?.['multicluster.kubernetes.io/source-cluster'], 'west');
    assert.equal(first.spec.leaseDurationSeconds, 40);
    const { writes } = world.broker;
    await world.pass(60_000);
    const second = await lease(world, 'west');
    assert.equal(Date.parse(second?.spec.renewTime ?? '') - Date.parse(first.spec.renewTime ?? ''), 60_000);
    assert.equal(second?.spec.acquireTime, first.spec.acquireTime);
    assert.equal(world.broker.writes, writes);
    await world.stop(world.west);
    await world.pass(60_000);
    assert.equal((await lease(world, 'west'))?.spec.renewTime, second?.spec.renewTime);
  });

  it('tells the others how old what they import is, whatever their clocks show', async () => {
    await using world = await World.open();
    await world.west.put(service('web'), serviceExport('web'));
    await world.settle();
    await world.pass(10_000);
    const age = (): number | undefined => world.agent(world.east).ages.get('west');
    assert.equal(age(), 0);
    await world.stop(world.west);
    await world.pass(25_000);
    assert.equal(age(), 25_000);
    world.start(world.west);
    await world.settle();
    assert.equal(age(), 0);
    assert.equal(world.agent(world.east).ages.get('north'), undefined);
  });

  it('says when the broker last answered', async () => {
    await using world = await World.open();
    const answered = (): number => world.agent(world.west).brokerAnsweredAt ?? Number.NaN;
    const atFirst = answered();
    await world.pass(20_000);
    assert.equal(answered(), atFirst + 20_000);
    world.broker.store.disconnect();
    await world.pass(60_000);
    assert.equal(answered(), atFirst + 20_000);
    world.broker.store.reconnect('changes');
    await world.settle();
    assert.equal(answered(), atFirst + 80_000);
  });

  it('comes back at once with the broker', async () => {
    await using world = await World.open();
    world.broker.store.disconnect();
    await world.pass(61_000);
    const before = await lease(world, 'west');
    world.broker.store.reconnect('changes');
    await world.settle();
    assert.notEqual((await lease(world, 'west'))?.spec.renewTime, before?.spec.renewTime);
  });
});

async function withUid(member: Member): Promise<void> {
  await member.put(namespace('kube-system'));
}

describe('an id that another cluster has', () => {
  it('is refused: the second one exports nothing and says why, the first is unharmed', async () => {
    await using world = await World.open({ asleep: ['west', 'east', 'north'] });
    for (const member of world.members) await withUid(member);
    world.start(world.west);
    await world.west.put(service('web'), serviceExport('web'));
    world.start(world.north);
    await world.settle();
    const before = await lease(world, 'west');
    // East is started under the name of west.
    const impostor = world.start(world.west, { member: world.east.store });
    await world.east.put(service('db'), serviceExport('db'));
    await world.pass(60_000);
    const records = await world.broker.memory.list(Kinds.ServiceImport, {});
    assert.deepEqual(
      records.map(({ metadata }) => metadata.name),
      ['web.shop.west'],
    );
    const now = await lease(world, 'west');
    assert.equal(
      now?.metadata.annotations?.[Annotation.clusterUid],
      before?.metadata.annotations?.[Annotation.clusterUid],
    );
    assert.equal(now?.spec.holderIdentity, before?.spec.holderIdentity);
    assert.deepEqual(await world.east.conditions('db'), [
      'Valid=True Valid',
      'Ready=False Failed',
      'Conflict=False NoConflicts',
    ]);
    assert.match(
      (await world.east.message('db', 'Ready')) ?? '',
      /knows another cluster as "west".*pharos broker remove-cluster west/,
    );
    assert.equal(world.lines.filter(({ level }) => level === 'error').length, 1);
    await impostor.close();
  });

  it('is free when the other one was removed', async () => {
    await using world = await World.open({ asleep: ['west', 'east', 'north'] });
    await withUid(world.west);
    await world.broker.memory.apply(Kinds.Lease, {
      apiVersion: Kinds.Lease.apiVersion,
      kind: 'Lease',
      metadata: {
        name: 'west',
        namespace: 'pharos-broker',
        annotations: { [Annotation.clusterUid]: 'gone' },
      },
      spec: {},
    });
    world.start(world.west);
    await world.west.put(service('web'), serviceExport('web'));
    await world.pass(20_000);
    assert.equal((await world.west.conditions('web'))[1], 'Ready=False Failed');
    await world.broker.memory.remove(Kinds.Lease, { name: 'west', namespace: 'pharos-broker' });
    await world.pass(20_000);
    assert.equal((await world.west.conditions('web'))[1], 'Ready=True Exported');
  });
});

describe('which clusters are drained', () => {
  const drained = new Map([['west', { by: 'alice', at: '2026-01-01T00:00:00Z' }]]);
  const here = async (member: Member) =>
    parseDrained(
      await member.memory.get(Kinds.ConfigMap, { name: DRAINED_NAME, namespace: 'pharos-system' }),
    );
  const say = (world: World, what: typeof drained) =>
    world.broker.memory.apply(Kinds.ConfigMap, drainedManifest('pharos-broker', what));

  it('stands in every member at once, and nothing where nobody ever drained', async () => {
    await using world = await World.open();
    assert.deepEqual(await world.east.memory.list(Kinds.ConfigMap), []);
    await say(world, drained);
    await world.settle();
    for (const member of world.members) assert.deepEqual(await here(member), drained, member.id);
    await say(world, new Map());
    await world.settle();
    for (const member of world.members) assert.deepEqual(await here(member), new Map(), member.id);
  });

  it('stays known while the broker is away, is put back, and costs one write', async () => {
    await using world = await World.open();
    const { writes } = world.east;
    await say(world, drained);
    await world.settle();
    assert.equal(world.east.writes, writes + 1);
    world.broker.store.disconnect();
    await world.stop(world.east);
    world.start(world.east);
    await world.pass(60_000);
    assert.deepEqual(await here(world.east), drained);
    world.broker.store.reconnect('snapshot');
    await world.east.memory.apply(Kinds.ConfigMap, drainedManifest('pharos-system', new Map()));
    await world.settle();
    assert.deepEqual(await here(world.east), drained);
  });
});
