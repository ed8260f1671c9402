import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCidr } from '../../../src/api/cidr.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { filtered, NO_FILTERS } from '../../../src/discovery/import-filters.ts';
import { endpoint, headless, namespace, service, serviceExport, slice } from './objects.ts';
import { World } from './world.ts';

describe('a record of west for namespace shop is', () => {
  const record = { cluster: 'west', namespace: 'shop', service: 'web' };
  const ROWS: readonly (readonly [filters: Partial<typeof NO_FILTERS>, outcome: string | undefined])[] = [
    [{}, undefined],
    [{ from: ['west', 'east'] }, undefined],
    [{ from: ['east'] }, 'cluster west is not among --import-from'],
    [{ namespaces: ['shop'] }, undefined],
    [{ namespaces: ['lab'] }, 'namespace shop is not among --import-namespaces'],
    [{ denied: ['shop'], from: ['west'], namespaces: ['shop'] }, 'namespace shop is among --deny-namespaces'],
  ];
  for (const [filters, outcome] of ROWS) {
    it(`${outcome === undefined ? 'let in' : 'refused'} by ${JSON.stringify(filters)}`, () => {
      assert.equal(filtered({ ...NO_FILTERS, ...filters }, record)?.why, outcome);
    });
  }
});

describe('what is not let in', () => {
  it('is not imported, is counted and told once, and takes nothing from what is', async () => {
    const filters = { ...NO_FILTERS, from: ['west'] };
    await using world = await World.open({ agent: { filters } });
    await world.west.put(service('web'), serviceExport('web'));
    await world.pass(1000);
    await world.east.put(service('web'), serviceExport('web'), service('db'), serviceExport('db'));
    await world.pass(60_000);
    assert.deepEqual(await world.north.imports(), ['web ClusterSetIP, http TCP 80, from west']);
    // A cluster's own exports are always let in.
    assert.deepEqual(await world.east.imports(), [
      'db ClusterSetIP, http TCP 80, from east',
      'web ClusterSetIP, http TCP 80, from east west',
    ]);
    const agent = world.agent(world.north);
    assert.equal(agent.counters.refused.get('import-from'), 2);
    const seen = new Map([...agent.services()].map((each) => [each.name, each]));
    assert.equal(seen.get('db')?.notImported, 'filtered');
    assert.deepEqual(seen.get('web')?.refused, { east: 'cluster east is not among --import-from' });
    const warnings = world.warnings().length;
    await world.east.put(slice('web', 'web-a', [endpoint('10.2.0.1')]));
    await world.pass(60_000);
    assert.equal(world.warnings().length, warnings);
  });

  it('is a conflict all the same, for whoever exports', async () => {
    await using world = await World.open({ agent: { filters: { ...NO_FILTERS, from: ['north'] } } });
    await world.west.put(service('web'), serviceExport('web'));
    await world.pass(1000);
    await world.east.put(service('web', { ports: [{ name: 'http', port: 8080 }] }), serviceExport('web'));
    await world.settle();
    for (const member of [world.west, world.east]) {
      assert.equal((await member.conditions('web'))[2], 'Conflict=True PortConflict');
    }
  });

  it('leaves when it is no longer let in, and comes when it is', async () => {
    await using world = await World.open();
    await world.west.put(service('web'), serviceExport('web'));
    await world.settle();
    await world.stop(world.east);
    const filters = { ...NO_FILTERS, denied: ['shop'] };
    const strict = world.start(world.east, {}, { filters });
    await world.settle();
    assert.deepEqual(await world.east.imports(), []);
    await strict.close();
    world.start(world.east);
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 80, from west']);
  });
});

describe('an address inside the cluster’s own networks', () => {
  it('is left out wherever others name it, and is no fault of the own exports', async () => {
    const ownCidrs = [parseCidr('10.1.0.0/16')];
    await using world = await World.open({ agent: { ownCidrs } });
    await world.west.put(
      headless('db'),
      slice('db', 'db-a', [endpoint('10.1.0.1'), endpoint('10.2.0.1')]),
      serviceExport('db'),
      service('web', { clusterIP: '10.1.9.9', clusterIPs: ['10.1.9.9'] }),
      serviceExport('web'),
    );
    await world.settle();
    assert.match((await world.east.slices()).join(), /^db\.west\.[0-9a-f]+: 10\.2\.0\.1$/);
    assert.deepEqual(await world.east.imports(), ['db Headless, http TCP 80, from west']);
    assert.match(
      (await world.west.slices()).join(),
      /10\.1\.0\.1 10\.2\.0\.1.*web\.west\.ipv4: \(10\.1\.9\.9\)/,
    );
    // The record of web, the slice of it, and the endpoint of db.
    assert.equal(world.agent(world.east).counters.refused.get('own-address'), 3);
  });

  it('is known from the cluster’s own Cluster object', async () => {
    await using world = await World.open();
    await world.west.put(headless('db'), slice('db', 'db-a', [endpoint('10.1.0.1')]), serviceExport('db'));
    await world.settle();
    assert.match((await world.east.slices()).join(), /: 10\.1\.0\.1$/);
    await world.broker.memory.apply(Kinds.Cluster, {
      apiVersion: Kinds.Cluster.apiVersion,
      kind: 'Cluster',
      metadata: { name: 'east', namespace: 'pharos-broker' },
      spec: { clusterId: 'east', podCIDRs: ['10.1.0.0/16', 'nonsense'], serviceCIDRs: [] },
    });
    await world.settle();
    assert.match((await world.east.slices()).join(), /: $/);
    assert.match((await world.north.slices()).join(), /: 10\.1\.0\.1$/);
  });
});

describe('--expire-after', () => {
  const agent = { expireAfterMs: 600_000 };
  const IMPORTED = ['web ClusterSetIP, http TCP 80, from west'];
  async function silentWest(options: Partial<typeof agent>): Promise<World> {
    const world = await World.open({ agent: options });
    await world.west.put(service('web'), serviceExport('web'));
    await world.settle();
    await world.stop(world.west);
    return world;
  }

  it('off: what a silent cluster exports stays for good', async () => {
    await using world = await silentWest({});
    await world.pass(7 * 24 * 3600_000);
    assert.deepEqual(await world.east.imports(), IMPORTED);
  });

  it('withdraws what a cluster exports that is silent for longer, until it is back', async () => {
    await using world = await silentWest(agent);
    await world.pass(590_000);
    assert.deepEqual(await world.east.imports(), IMPORTED);
    await world.pass(20_000);
    assert.deepEqual(await world.east.imports(), []);
    assert.equal(world.agent(world.east).counters.refused.get('expired'), 1);
    world.start(world.west);
    await world.pass(10_000);
    assert.deepEqual(await world.east.imports(), IMPORTED);
  });

  it('counts no time in which the broker was out of sight', async () => {
    await using world = await World.open({ agent });
    await world.west.put(service('web'), serviceExport('web'));
    await world.settle();
    world.broker.store.disconnect();
    await world.pass(3600_000);
    world.broker.store.reconnect('snapshot');
    await world.pass(120_000);
    assert.deepEqual(await world.east.imports(), IMPORTED);
  });

  it('changes nothing by a restart of the agent, whatever was expired and whatever was not', async () => {
    await using world = await silentWest(agent);
    await world.pass(620_000);
    const expired = await world.east.versions();
    await world.stop(world.east);
    world.start(world.east);
    await world.pass(120_000);
    assert.deepEqual(await world.east.versions(), expired);
  });
});

it('a namespace that is denied stays out of reach, also where it exists', async () => {
  const filters = { ...NO_FILTERS, denied: ['kube-system'] };
  await using world = await World.open({ agent: { filters } });
  for (const member of world.members) await member.put(namespace('kube-system'));
  const inSystem = (object: ReturnType<typeof service> | ReturnType<typeof serviceExport>) => ({
    ...object,
    metadata: { ...object.metadata, namespace: 'kube-system' },
  });
  await world.west.put(inSystem(service('kube-dns')), inSystem(serviceExport('kube-dns')));
  await world.settle();
  assert.deepEqual(await world.east.memory.list(Kinds.ServiceImport), []);
  assert.equal(world.agent(world.east).counters.refused.get('deny-namespaces'), 1);
});
