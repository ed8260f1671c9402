/** The agent from end to end, on stores in memory: what users do, and what they and other clusters then see. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { Annotation, Label } from '../../../src/api/names.ts';
import { endpoint, headless, namespace, service, serviceExport, slice } from './objects.ts';
import { World } from './world.ts';

/** Service `web` with one ready pod, exported. */
const web = [service('web'), slice('web', 'web-a', [endpoint('10.1.0.1')]), serviceExport('web')];
const GOOD = ['Valid=True Valid', 'Ready=True Exported', 'Conflict=False NoConflicts'];

describe('an export', () => {
  it('of a ClusterIP Service is imported by every cluster, its own included', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    for (const member of world.members) {
      assert.deepEqual(await member.imports(), ['web ClusterSetIP, http TCP 80, from west'], member.id);
      assert.deepEqual(await member.slices(), ['web.west.ipv4: 10.0.0.7'], member.id);
    }
    assert.deepEqual(await world.west.conditions('web'), GOOD);
  });

  it('of a headless Service is imported with its pods', async () => {
    await using world = await World.open();
    await world.west.put(
      headless('db'),
      slice('db', 'db-a', [endpoint('10.1.0.1'), endpoint('10.1.0.2', { conditions: { ready: false } })]),
      serviceExport('db'),
    );
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['db Headless, http TCP 80, from west']);
    assert.deepEqual(
      (await world.east.slices()).map((line) => line.replace(/^db\.west\.[0-9a-f]{10}:/, 'mirror:')),
      ['mirror: 10.1.0.1 (10.1.0.2)'],
    );
    assert.deepEqual(await world.west.conditions('db'), GOOD);
  });

  it('of a Service without endpoints is imported, and not ready', async () => {
    await using world = await World.open();
    // As an API server gives a slice without endpoints and ports.
    const empty = { ...slice('web', 'web-a', []), endpoints: null, ports: null } as never;
    await world.west.put(service('web'), empty, serviceExport('web'));
    await world.west.put(
      headless('db'),
      { ...(empty as object), ...{ metadata: slice('db', 'db-a', []).metadata } } as never,
      serviceExport('db'),
    );
    await world.settle();
    assert.deepEqual(await world.west.conditions('web'), GOOD);
    assert.deepEqual(await world.west.conditions('db'), GOOD);
    assert.deepEqual(
      (await world.east.slices()).map((line) => line.replace(/[0-9a-f]{10}/, 'mirror')),
      ['db.west.mirror: ', 'web.west.ipv4: (10.0.0.7)'],
    );
  });

  it('of a Service that does not exist says so, and is imported as soon as it does', async () => {
    await using world = await World.open();
    await world.west.put(serviceExport('web'));
    await world.settle();
    assert.deepEqual(await world.west.conditions('web'), ['Valid=False NoService']);
    assert.deepEqual(await world.east.imports(), []);
    await world.west.put(service('web'));
    await world.settle();
    assert.deepEqual(await world.west.conditions('web'), GOOD);
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 80, from west']);
  });

  it('of an ExternalName Service is refused, until the Service becomes another', async () => {
    await using world = await World.open();
    await world.west.put(service('web', { type: 'ExternalName' }), serviceExport('web'));
    await world.settle();
    assert.deepEqual(await world.west.conditions('web'), ['Valid=False InvalidServiceType']);
    assert.deepEqual(await world.east.imports(), []);
    await world.west.put(service('web'));
    await world.settle();
    assert.deepEqual(await world.west.conditions('web'), GOOD);
  });

  it('is withdrawn with its Service, and says so', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.west.delete(Kinds.Service, 'web');
    await world.settle();
    assert.deepEqual(await world.west.conditions('web'), ['Valid=False NoService']);
    for (const member of world.members) {
      assert.deepEqual([await member.imports(), await member.slices()], [[], []], member.id);
    }
  });

  it("that is deleted takes its cluster's part, and the last one the import", async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.east.put(...web);
    await world.settle();
    assert.deepEqual(await world.north.imports(), ['web ClusterSetIP, http TCP 80, from east west']);
    assert.deepEqual(await world.north.slices(), ['web.east.ipv4: 10.0.0.7', 'web.west.ipv4: 10.0.0.7']);
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    assert.deepEqual(await world.north.imports(), ['web ClusterSetIP, http TCP 80, from east']);
    assert.deepEqual(await world.north.slices(), ['web.east.ipv4: 10.0.0.7']);
    await world.east.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    assert.deepEqual([await world.north.imports(), await world.north.slices()], [[], []]);
    assert.deepEqual(await world.broker.versions(), []);
  });

  it('is imported where its namespace is, from when to when it is there', async () => {
    await using world = await World.open();
    await world.east.delete(Kinds.Namespace, 'shop');
    await world.west.put(...web);
    await world.settle();
    assert.deepEqual([await world.east.imports(), await world.east.slices()], [[], []]);
    assert.equal((await world.north.imports()).length, 1);
    await world.east.put(namespace('shop'));
    await world.settle();
    assert.equal((await world.east.imports()).length, 1);
    assert.equal((await world.east.slices()).length, 1);
    for (const end of ['begins', 'comes'] as const) {
      const { metadata, ...ending } = namespace('shop');
      await world.east.put({
        ...ending,
        metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
      });
      if (end === 'comes') await world.east.delete(Kinds.Namespace, 'shop');
      await world.settle();
      assert.deepEqual([await world.east.imports(), await world.east.slices()], [[], []], end);
    }
  });

  it('to some clusters only is seen by no other', async () => {
    await using world = await World.open();
    await world.west.put(...web, serviceExport('web', { [Annotation.toClusters]: 'east' }));
    await world.settle();
    assert.equal((await world.east.imports()).length, 1);
    assert.deepEqual(await world.north.imports(), []);
    await world.west.put(serviceExport('web', { [Annotation.toClusters]: '' }));
    await world.settle();
    assert.deepEqual(await world.east.imports(), []);
    await world.west.put(serviceExport('web'));
    await world.settle();
    assert.equal((await world.north.imports()).length, 1);
  });

  it('with --endpoints=pods is imported with the pods behind the Service IP', async () => {
    await using world = await World.open({ endpoints: 'pods' });
    await world.west.put(...web);
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 80, from west']);
    assert.match((await world.east.slices()).join('\n'), /^web\.west\.[0-9a-f]{10}: 10\.1\.0\.1$/);
  });
});

describe('a change', () => {
  it('of pods behind a Service IP costs the broker nothing', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    const { writes } = world.broker;
    for (let pod = 2; pod < 20; pod++) {
      await world.west.put(slice('web', 'web-a', [endpoint(`10.1.0.${pod}`)]));
      await world.settle();
    }
    assert.equal(world.broker.writes, writes);
    await world.west.put(slice('web', 'web-a', [endpoint('10.1.0.1', { conditions: { ready: false } })]));
    await world.settle();
    assert.equal(world.broker.writes, writes + 1);
    assert.deepEqual(await world.east.slices(), ['web.west.ipv4: (10.0.0.7)']);
  });

  it("of a headless Service's pod rewrites one slice, and no condition", async () => {
    await using world = await World.open();
    const pods = (first: number, ready = true) =>
      Array.from({ length: 90 }, (_, at) =>
        endpoint(`10.1.${first}.${at + 1}`, { conditions: { ready: ready || at > 0 } }),
      );
    await world.west.put(headless('db'), serviceExport('db'));
    for (const part of [1, 2, 3]) await world.west.put(slice('db', `db-${part}`, pods(part)));
    await world.settle();
    const { writes } = world.broker;
    const statuses = world.west.store.calls.applyStatus;
    await world.west.put(slice('db', 'db-2', pods(2, false)));
    await world.settle();
    assert.equal(world.broker.writes, writes + 1);
    assert.equal(world.west.store.calls.applyStatus, statuses);
    assert.match((await world.east.slices()).join('\n'), /\(10\.1\.2\.1\)/);
  });

  it('of a port arrives', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.west.put(service('web', { ports: [{ name: 'https', protocol: 'TCP', port: 443 }] }));
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, https TCP 443, from west']);
    const imported = await world.east.memory.get(Kinds.EndpointSlice, {
      name: 'web.west.ipv4',
      namespace: 'shop',
    });
    assert.deepEqual(imported?.ports, [{ name: 'https', protocol: 'TCP', port: 443 }]);
    assert.deepEqual(await world.west.conditions('web'), GOOD);
  });

  it('from ClusterIP to headless and back arrives', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.west.delete(Kinds.Service, 'web');
    await world.west.put(headless('web'));
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web Headless, http TCP 80, from west']);
    assert.match((await world.east.slices()).join('\n'), /^web\.west\.[0-9a-f]{10}: 10\.1\.0\.1$/);
    await world.west.delete(Kinds.Service, 'web');
    await world.west.put(service('web'));
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 80, from west']);
    assert.deepEqual(await world.east.slices(), ['web.west.ipv4: 10.0.0.7']);
    assert.deepEqual(await world.west.conditions('web'), GOOD);
  });

  it('of the cluster IPs arrives', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.west.delete(Kinds.Service, 'web');
    await world.west.put(service('web', { clusterIP: '10.0.0.9', clusterIPs: ['10.0.0.9', 'fd00::9'] }));
    await world.west.put(slice('web', 'web-b', [endpoint('fd00::1')], 'IPv6'));
    await world.settle();
    assert.deepEqual(await world.east.slices(), ['web.west.ipv4: 10.0.0.9', 'web.west.ipv6: fd00::9']);
    const imported = await world.east.memory.get(Kinds.ServiceImport, { name: 'web', namespace: 'shop' });
    assert.deepEqual(JSON.parse(imported?.metadata.annotations?.[Annotation.exports] ?? ''), [
      { cluster: 'west', ips: ['10.0.0.9', 'fd00::9'], weight: 1 },
    ]);
  });

  it('of the address type of a slice of the same name arrives', async () => {
    await using world = await World.open();
    await world.west.put(headless('db'), serviceExport('db'), slice('db', 'db-a', [endpoint('10.1.0.1')]));
    await world.settle();
    await world.west.delete(Kinds.EndpointSlice, 'db-a');
    await world.west.put(slice('db', 'db-a', [endpoint('fd00::1')], 'IPv6'));
    await world.settle();
    assert.match((await world.east.slices()).join('\n'), /^db\.west\.[0-9a-f]{10}: fd00::1$/);
  });

  for (const kind of [Kinds.ServiceExport, Kinds.Service]) {
    it(`undone at once (${kind.kind} deleted and created again) ends as it began`, async () => {
      await using world = await World.open();
      await world.west.put(...web);
      await world.settle();
      await world.west.delete(kind, 'web');
      await world.west.put(...web);
      await world.settle();
      assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 80, from west']);
      assert.deepEqual(await world.east.slices(), ['web.west.ipv4: 10.0.0.7']);
      assert.deepEqual(await world.west.conditions('web'), GOOD);
    });
  }

  it('made and taken back while it is on its way ends as it began', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    assert.deepEqual(await world.east.imports(), []);
    assert.deepEqual(await world.broker.versions(), []);
  });

  it('of labels for the imports arrives, and what was taken back goes', async () => {
    await using world = await World.open();
    await world.west.put(...web, serviceExport('web', {}, { exportedLabels: { team: 'a', tier: 'gold' } }));
    await world.settle();
    const labels = async () =>
      (await world.east.memory.get(Kinds.ServiceImport, { name: 'web', namespace: 'shop' }))?.metadata.labels;
    assert.deepEqual(await labels(), { [Label.importManagedBy]: 'pharos.io', team: 'a', tier: 'gold' });
    await world.west.put(serviceExport('web', {}, { exportedLabels: { team: 'b' } }));
    await world.settle();
    assert.deepEqual(await labels(), { [Label.importManagedBy]: 'pharos.io', team: 'b' });
  });
});

describe('a conflict', () => {
  it('shows on every exporting cluster, with who keeps what, and clears by itself', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.pass(5000);
    await world.east.put(...web, service('web', { ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }));
    await world.settle();
    for (const member of [world.west, world.east]) {
      assert.deepEqual(
        await member.conditions('web'),
        ['Valid=True Valid', 'Ready=True Exported', 'Conflict=True PortConflict'],
        member.id,
      );
      assert.equal(
        await member.message('web', 'Conflict'),
        'port http: kept "http TCP 80" of west (the oldest export), dropped "http TCP 8080" of east',
      );
    }
    assert.deepEqual(await world.north.imports(), ['web ClusterSetIP, http TCP 80, from east west']);
    await world.east.put(service('web'));
    await world.settle();
    for (const member of [world.west, world.east]) assert.deepEqual(await member.conditions('web'), GOOD);
  });

  it('of types leaves out who came later, and is over when the elder goes', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.pass(5000);
    await world.east.put(
      headless('web'),
      slice('web', 'web-a', [endpoint('10.2.0.1')]),
      serviceExport('web'),
    );
    await world.settle();
    assert.deepEqual(await world.north.imports(), ['web ClusterSetIP, http TCP 80, from west']);
    assert.deepEqual(await world.north.slices(), ['web.west.ipv4: 10.0.0.7']);
    for (const member of [world.west, world.east]) {
      assert.equal((await member.conditions('web'))[2], 'Conflict=True TypeConflict', member.id);
    }
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    assert.deepEqual(await world.north.imports(), ['web Headless, http TCP 80, from east']);
    assert.match((await world.north.slices()).join('\n'), /^web\.east\.[0-9a-f]{10}: 10\.2\.0\.1$/);
    assert.deepEqual(await world.east.conditions('web'), GOOD);
  });
});
