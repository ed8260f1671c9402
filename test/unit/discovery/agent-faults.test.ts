/** The agent where things go wrong: outages, restarts, hands that edit, objects of others, hostile records. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import { Annotation, BROKER_NAMESPACE, Label, MANAGED_BY } from '../../../src/api/names.ts';
import type { EndpointSlice, KubeObject, ServiceImport } from '../../../src/api/objects.ts';
import { recordLabels } from '../../../src/discovery/labels.ts';
import { type ObjectStore, StoreError } from '../../../src/store/store.ts';
import { endpoint, headless, namespace, recordObject, service, serviceExport, slice } from './objects.ts';
import { type Member, World } from './world.ts';

const web = [service('web'), slice('web', 'web-a', [endpoint('10.1.0.1')]), serviceExport('web')];
const db = [headless('db'), slice('db', 'db-a', [endpoint('10.1.0.2')]), serviceExport('db')];
const GOOD = ['Valid=True Valid', 'Ready=True Exported', 'Conflict=False NoConflicts'];
const IMPORTED = ['web ClusterSetIP, http TCP 80, from west'];
const SLICES = ['web.west.ipv4: 10.0.0.7'];

/** The store, where lists of `kind` are not complete before `release` is called. */
function withholding(store: ObjectStore, kind: Kind): { store: ObjectStore; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch: ObjectStore['watch'] = async (watched, selector, onEvent, signal) => {
    if (watched.kind === kind.kind) {
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    }
    await store.watch(watched, selector, onEvent, signal);
  };
  const held = new Proxy(store, {
    get: (target, property) => {
      if (property === 'watch') return watch;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: held, release: resolve };
}

const versionsOf = async (world: World): Promise<string[][]> =>
  Promise.all([...world.members, world.broker].map((place) => place.versions()));

describe('an agent that starts', () => {
  it('changes nothing where nothing has changed', async () => {
    await using world = await World.open();
    await world.west.put(...web, ...db);
    await world.pass(5000);
    await world.east.put(...web, service('web', { ports: [{ name: 'http', port: 8080 }] }));
    await world.settle();
    const before = await versionsOf(world);
    for (const member of world.members) {
      await world.pass(60_000);
      await world.stop(member);
      world.start(member);
      await world.settle();
    }
    assert.deepEqual(await versionsOf(world), before);
  });

  it('says nothing else while the broker is away', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.pass(5000);
    await world.east.put(...web, service('web', { ports: [{ name: 'http', port: 8080 }] }));
    await world.settle();
    const before = await versionsOf(world);
    await world.stop(world.west);
    world.broker.store.disconnect();
    world.start(world.west);
    await world.pass(60_000);
    world.broker.store.reconnect('snapshot');
    await world.pass(60_000);
    assert.deepEqual(await versionsOf(world), before);
  });

  it('finds what was deleted while it was down', async () => {
    await using world = await World.open();
    await world.west.put(...web, ...db);
    await world.settle();
    await world.stop(world.west);
    await world.stop(world.east);
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.east.delete(Kinds.ServiceImport, 'db');
    world.start(world.west);
    await world.settle();
    assert.deepEqual(await world.west.imports(), ['db Headless, http TCP 80, from west']);
    world.start(world.east);
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['db Headless, http TCP 80, from west']);
    assert.deepEqual((await world.east.slices()).length, 1);
  });

  it('while the broker is away says that it does not know, and then that all is well', async () => {
    await using world = await World.open({ asleep: ['west'] });
    world.broker.store.disconnect();
    world.start(world.west);
    await world.west.put(...web);
    await world.pass(1000);
    assert.deepEqual(await world.west.conditions('web'), ['Valid=True Valid', 'Ready=Unknown Pending']);
    assert.equal(world.agent(world.west).isMemberSynced, true);
    assert.equal(world.agent(world.west).isBrokerSynced, false);
    world.broker.store.reconnect('snapshot');
    await world.settle();
    assert.deepEqual(await world.west.conditions('web'), GOOD);
    assert.equal(world.agent(world.west).isBrokerSynced, true);
  });

  it('does not mix its own part into what stands here as another type, while the broker is away', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.pass(5000);
    await world.east.put(
      headless('web'),
      slice('web', 'web-a', [endpoint('10.2.0.1')]),
      serviceExport('web'),
    );
    await world.settle();
    const before = await versionsOf(world);
    await world.stop(world.east);
    world.broker.store.disconnect();
    world.start(world.east);
    await world.pass(60_000);
    assert.deepEqual(await versionsOf(world), before);
  });

  it('imports and follows its own exports while the broker is away', async () => {
    await using world = await World.open({ asleep: ['west'] });
    world.broker.store.disconnect();
    world.start(world.west);
    await world.west.put(...web, ...db);
    await world.settle();
    assert.equal((await world.west.imports()).length, 2);
    await world.west.put(slice('db', 'db-a', [endpoint('10.1.0.3')]));
    await world.settle();
    assert.match((await world.west.slices()).join('\n'), /^db\.west\.[0-9a-f]{10}: 10\.1\.0\.3$/m);
    await world.west.delete(Kinds.ServiceExport, 'db');
    await world.settle();
    assert.deepEqual(await world.west.slices(), SLICES);
  });

  /** `isForExports` = this cluster's records on the broker follow from that list, too. */
  const WITHHELD: readonly (readonly [side: 'member' | 'broker', kind: Kind, isForExports: boolean])[] = [
    ['member', Kinds.Namespace, false],
    ['member', Kinds.Service, true],
    ['member', Kinds.ServiceExport, true],
    ['member', Kinds.EndpointSlice, true],
    ['member', Kinds.ServiceImport, false],
    ['broker', Kinds.ServiceImport, true],
    ['broker', Kinds.EndpointSlice, true],
  ];
  for (const [side, kind, isForExports] of WITHHELD) {
    it(`writes nothing while its list of ${kind.plural} of the ${side} is not complete, and then what is due`, async () => {
      await using world = await World.open();
      await world.west.put(...web, ...db);
      await world.east.put(...web);
      for (const name of ['solo', 'rest']) await world.east.put(service(name), serviceExport(name));
      await world.settle();
      await world.stop(world.west);
      await world.stop(world.east);
      // What it exports no more, what it exports now, what nobody else does any more: of that only a slice, or only the import.
      await world.west.delete(Kinds.ServiceExport, 'db');
      await world.west.put(service('fresh'), serviceExport('fresh'));
      for (const name of ['web', 'solo', 'rest']) {
        await world.broker.delete(Kinds.ServiceImport, `${name}.shop.east`, BROKER_NAMESPACE);
        await world.broker.delete(Kinds.EndpointSlice, `${name}.shop.east.ipv4`, BROKER_NAMESPACE);
      }
      await world.west.delete(Kinds.ServiceImport, 'rest');
      await world.west.delete(Kinds.EndpointSlice, 'solo.east.ipv4');
      // Its own part of an import needs nobody else's list.
      const here = async (): Promise<string[]> =>
        (await world.west.versions()).filter((line) => !/shop\/(db\.west\.|fresh)/.test(line));
      const [before, { writes }] = [await here(), world.broker];
      const real = side === 'member' ? world.west.store : world.broker.store;
      const { store, release } = withholding(real, kind);
      world.start(world.west, { [side]: store });
      await world.pass(120_000);
      assert.deepEqual(await here(), before);
      if (isForExports) assert.equal(world.broker.writes, writes);
      release();
      await world.settle();
      assert.deepEqual(await world.west.imports(), [
        'fresh ClusterSetIP, http TCP 80, from west',
        ...IMPORTED,
      ]);
      assert.deepEqual(await world.west.slices(), ['fresh.west.ipv4: (10.0.0.7)', ...SLICES]);
      assert.deepEqual(await world.west.conditions('fresh'), GOOD);
      assert.deepEqual(
        (await world.broker.versions()).map((line) => line.split(' ')[1]),
        ['fresh.shop.west.ipv4', 'web.shop.west.ipv4', 'fresh.shop.west', 'web.shop.west'].map(
          (name) => `${BROKER_NAMESPACE}/${name}`,
        ),
      );
    });
  }
});

describe('while the broker is away', () => {
  it('what is there stays, and what changes is caught up with at once when it is back', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    world.broker.store.disconnect();
    await world.west.put(...db);
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    for (let minute = 0; minute < 10; minute++) await world.pass(60_000);
    assert.deepEqual(await world.east.imports(), IMPORTED);
    assert.deepEqual(await world.west.conditions('db'), [
      'Valid=True Valid',
      'Ready=Unknown Pending',
      'Conflict=False NoConflicts',
    ]);
    assert.equal(
      await world.west.message('db', 'Ready'),
      'The broker broker cannot be reached; this is tried again until it can',
    );
    world.broker.store.reconnect('snapshot');
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['db Headless, http TCP 80, from west']);
    assert.deepEqual(await world.west.conditions('db'), GOOD);
  });

  it('nothing is tried there', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    world.broker.store.disconnect();
    const { writes } = world.broker;
    await world.west.put(...db, service('web', { ports: [{ name: 'http', port: 81 }] }));
    for (let minute = 0; minute < 10; minute++) await world.pass(60_000);
    assert.equal(world.broker.writes, writes);
  });

  it('an export that stands there already goes on being ready', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    const before = await world.west.versions();
    world.broker.store.disconnect();
    await world.pass(60_000);
    assert.deepEqual(await world.west.versions(), before);
    assert.deepEqual(await world.west.conditions('web'), GOOD);
  });
});

describe('a broker that refuses a record', () => {
  for (const code of ['forbidden', 'invalid'] as const) {
    it(`as ${code} makes the export say why, until it takes it`, async () => {
      await using world = await World.open();
      for (let attempt = 0; attempt < 20; attempt++) {
        world.broker.store.failNext('apply', new StoreError(code, 'Cannot apply: because'));
      }
      await world.west.put(...web);
      await world.pass(1000);
      assert.deepEqual(await world.west.conditions('web'), [
        'Valid=True Valid',
        'Ready=False Failed',
        'Conflict=False NoConflicts',
      ]);
      assert.equal(
        await world.west.message('web', 'Ready'),
        'The broker refuses the service: Cannot apply: because',
      );
      for (let minute = 0; minute < 5; minute++) await world.pass(60_000);
      assert.deepEqual(await world.west.conditions('web'), GOOD);
    });
  }
});

describe("a member's own API server that fails", () => {
  it('is tried again', async () => {
    await using world = await World.open();
    for (let failure = 0; failure < 3; failure++) world.east.store.failNext('apply');
    world.east.store.failNext('applyStatus');
    await world.west.put(...web);
    await world.settle();
    await world.pass(60_000);
    assert.deepEqual([await world.east.imports(), await world.east.slices()], [IMPORTED, SLICES]);
  });

  it('and comes back is caught up with at once', async () => {
    await using world = await World.open();
    world.east.store.disconnect();
    await world.west.put(...web);
    await world.settle();
    for (let minute = 0; minute < 10; minute++) await world.pass(60_000);
    world.east.store.reconnect('changes');
    await world.settle();
    assert.deepEqual([await world.east.imports(), await world.east.slices()], [IMPORTED, SLICES]);
  });
});

describe('what Pharos wrote into a cluster and somebody', () => {
  const ref = { name: 'web', namespace: 'shop' };
  const sliceRef = { name: 'web.west.ipv4', namespace: 'shop' };
  const get = <T extends KubeObject>(member: Member, kind: Kind<T>): Promise<T> =>
    member.memory
      .get(kind, kind.kind === 'ServiceImport' ? ref : sliceRef)
      .then((object) => object ?? assert.fail(`no ${kind.kind}`));

  const EDITS: Readonly<Record<string, (east: Member) => Promise<unknown>>> = {
    'deleted (the import)': (east) => east.delete(Kinds.ServiceImport, 'web'),
    'deleted (a slice)': (east) => east.delete(Kinds.EndpointSlice, 'web.west.ipv4'),
    'edited (the import)': async (east) => {
      const object = await get(east, Kinds.ServiceImport);
      await east.put({ ...object, spec: { ...object.spec, ports: [{ port: 1 }] } } as ServiceImport);
    },
    'edited (the status of the import)': async (east) => {
      const object = await get(east, Kinds.ServiceImport);
      await east.memory.applyStatus(Kinds.ServiceImport, { ...object, status: { clusters: [] } });
    },
    'edited (a slice)': async (east) => {
      const object = await get(east, Kinds.EndpointSlice);
      await east.put({ ...object, endpoints: [{ addresses: ['10.6.6.6'] }] } as EndpointSlice);
    },
    'made one of another address type (a slice)': async (east) => {
      const object = await get(east, Kinds.EndpointSlice);
      await east.put({
        ...object,
        addressType: 'IPv6',
        endpoints: [{ addresses: ['fd00::6'] }],
      } as EndpointSlice);
    },
    'took the mark from (the import)': async (east) => {
      const object = await get(east, Kinds.ServiceImport);
      await east.put({ ...object, metadata: { ...object.metadata, labels: {} } });
    },
    'took the mark from (a slice)': async (east) => {
      const object = await get(east, Kinds.EndpointSlice);
      const { [Label.managedBy]: _mark, ...labels } = object.metadata.labels ?? {};
      await east.put({ ...object, metadata: { ...object.metadata, labels } });
    },
    'copied (a slice, under another name)': async (east) => {
      const { metadata, ...object } = await get(east, Kinds.EndpointSlice);
      await east.put({ ...object, metadata: { ...metadata, name: 'web.west.copy' } });
    },
  };
  for (const [what, edit] of Object.entries(EDITS)) {
    it(`${what} is put back`, async () => {
      await using world = await World.open();
      await world.west.put(...web);
      await world.settle();
      const [imported, imprinted] = [
        await get(world.east, Kinds.ServiceImport),
        await get(world.east, Kinds.EndpointSlice),
      ];
      await edit(world.east);
      await world.settle();
      assert.deepEqual([await world.east.imports(), await world.east.slices()], [IMPORTED, SLICES]);
      const now = await get(world.east, Kinds.ServiceImport);
      assert.deepEqual([now.spec, now.metadata.labels], [imported.spec, imported.metadata.labels]);
      assert.deepEqual(
        (await get(world.east, Kinds.EndpointSlice)).metadata.labels,
        imprinted.metadata.labels,
      );
    });
  }

  it('deleted or edited on the broker is put back', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.broker.delete(Kinds.ServiceImport, 'web.shop.west', BROKER_NAMESPACE);
    await world.broker.put({
      ...slice('web', 'web.shop.west.ipv4', [endpoint('10.6.6.6')]),
      metadata: {
        name: 'web.shop.west.ipv4',
        namespace: BROKER_NAMESPACE,
        labels: recordLabels({ cluster: 'west', namespace: 'shop', service: 'web' }),
      },
    });
    await world.settle();
    assert.deepEqual([await world.east.imports(), await world.east.slices()], [IMPORTED, SLICES]);
  });
});

describe('what is not made by Pharos stays untouched:', () => {
  const foreignImport: ServiceImport = {
    apiVersion: Kinds.ServiceImport.apiVersion,
    kind: 'ServiceImport',
    metadata: { name: 'web', namespace: 'shop', labels: { 'app.kubernetes.io/managed-by': 'other' } },
    spec: { type: 'ClusterSetIP', ports: [{ port: 99 }] },
  };
  const foreignSlice = (name: string): EndpointSlice => ({
    ...slice('web', name, [endpoint('10.9.9.9')]),
    metadata: {
      name,
      namespace: 'shop',
      labels: { [Label.serviceName]: 'web', [Label.managedBy]: 'other.example.com' },
    },
  });

  it('a ServiceImport; it is reported once, and gives way when its owner deletes it', async () => {
    await using world = await World.open();
    await world.east.put(foreignImport);
    const before = await world.east.versions();
    await world.west.put(...web);
    await world.settle();
    await world.west.put(service('web', { ports: [{ name: 'http', port: 81 }] }));
    await world.settle();
    assert.deepEqual(await world.east.versions(), before);
    assert.deepEqual(
      world.warnings().filter((line) => line.includes('somebody else')),
      [
        'A ServiceImport of this name was made by somebody else and is left alone; delete it to import the service ' +
          '{"namespace":"shop","service":"web"}',
      ],
    );
    await world.east.delete(Kinds.ServiceImport, 'web');
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 81, from west']);
    assert.deepEqual(await world.east.slices(), SLICES);
  });

  it('a ServiceImport that takes the place of ours', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.settle();
    await world.stop(world.east);
    await world.east.delete(Kinds.ServiceImport, 'web');
    await world.east.put(foreignImport);
    world.start(world.east);
    await world.settle();
    assert.deepEqual(await world.east.slices(), []);
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    const there = await world.east.memory.get(Kinds.ServiceImport, { name: 'web', namespace: 'shop' });
    assert.deepEqual(there?.spec, foreignImport.spec);
  });

  it('slices of another implementation for the same service', async () => {
    await using world = await World.open();
    await world.east.put(foreignSlice('web-other'));
    const before = await world.east.versions();
    await world.west.put(...web);
    await world.settle();
    await world.west.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    assert.deepEqual(await world.east.versions(), before);
  });

  it('a slice with the very name of ours', async () => {
    await using world = await World.open();
    await world.east.put(foreignSlice('web.west.ipv4'));
    const before = await world.east.versions();
    await world.west.put(...web);
    await world.settle();
    assert.deepEqual(
      (await world.east.versions()).filter((line) => before.includes(line)),
      before,
    );
    assert.match(
      world.warnings().join('\n'),
      /EndpointSlice of this name was made by somebody else .*"web\.west\.ipv4"/,
    );
    assert.equal((await world.east.imports()).length, 1);
  });

  it('objects of a cluster without exports', async () => {
    await using world = await World.open();
    const before = await world.north.versions();
    await world.north.put(service('api'), slice('api', 'api-1', [endpoint('10.1.0.1')]));
    await world.settle();
    assert.equal(world.north.writes, 0);
    assert.equal((await world.north.versions()).length, before.length + 2);
  });
});

describe('a broker that is a member too', () => {
  it('keeps the records, and imports beside them', async () => {
    await using world = await World.open({ brokerIn: 'west' });
    await world.west.put(namespace(BROKER_NAMESPACE), ...web);
    await world.east.put(...web);
    await world.settle();
    for (const member of world.members) {
      assert.deepEqual(await member.imports(), ['web ClusterSetIP, http TCP 80, from east west'], member.id);
    }
    const records = async () =>
      (await world.west.memory.list(Kinds.ServiceImport, { namespace: BROKER_NAMESPACE })).map(
        ({ metadata }) => metadata.name,
      );
    assert.deepEqual(await records(), ['web.shop.east', 'web.shop.west']);
    const before = await versionsOf(world);
    await world.stop(world.west);
    world.start(world.west);
    await world.settle();
    assert.deepEqual(await versionsOf(world), before);
    await world.east.delete(Kinds.ServiceExport, 'web');
    await world.settle();
    assert.deepEqual(await records(), ['web.shop.west']);
  });

  it("takes a service of the broker's own namespace for no record", async () => {
    await using world = await World.open({ brokerIn: 'west' });
    const inBroker = web.map((object) => ({
      ...object,
      metadata: { ...object.metadata, namespace: BROKER_NAMESPACE },
    }));
    await world.west.put(namespace(BROKER_NAMESPACE), ...inBroker);
    await world.settle();
    const names = (await world.west.memory.list(Kinds.ServiceImport)).map(({ metadata }) => metadata.name);
    assert.deepEqual(names, ['web', 'web.pharos-broker.west']);
    assert.deepEqual(world.warnings(), []);
  });
});

describe('a record that cannot be used', () => {
  it('is told once, counted, and harms no other', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    await world.broker.put(recordObject('evil', { ports: [{ port: 0 }] }));
    await world.settle();
    await world.west.put(service('web', { ports: [{ name: 'http', port: 81 }] }));
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 81, from west']);
    assert.deepEqual(world.agent(world.east).counters.refused, new Map([['malformed', 1]]));
    assert.deepEqual(
      [...new Set(world.warnings())],
      [
        'An object on the broker cannot be used {"kind":"ServiceImport","name":"web.shop.evil",' +
          '"why":"spec.ports[0].port is 0, must be a whole number from 1 to 65535"}',
      ],
    );
  });

  it('since it does not say whose it is is told too', async () => {
    await using world = await World.open();
    const { metadata, ...record } = recordObject('evil');
    await world.broker.put({
      ...record,
      metadata: { ...metadata, labels: { [Label.sourceCluster]: 'evil' } },
    });
    await world.settle();
    assert.deepEqual(world.agent(world.east).counters.refused, new Map([['malformed', 1]]));
  });

  it('(a slice that only the API server of the importer refuses) harms no other', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    const { store } = world.east;
    const refusing = new Proxy(store, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property);
        if (property !== 'apply') return typeof value === 'function' ? value.bind(target) : value;
        return (kind: Kind, object: KubeObject) =>
          object.metadata.name === 'web.west.ipv4'
            ? Promise.reject(new StoreError('invalid', 'Cannot apply: because'))
            : target.apply(kind, object);
      },
    });
    await world.stop(world.east);
    world.start(world.east, { member: refusing });
    await world.east.put(...web);
    await world.pass(5000);
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 80, from east west']);
    assert.deepEqual(await world.east.slices(), ['web.east.ipv4: 10.0.0.7']);
    const { invalid = 0 } = Object.fromEntries(world.agent(world.east).counters.writes.member);
    assert.ok(invalid > 0 && invalid < 15, `${invalid} attempts`);
    assert.equal(world.warnings().filter((line) => line.includes('because')).length <= 1, true);
  });

  it('with ten thousand endpoints harms nothing', async () => {
    await using world = await World.open();
    await world.west.put(...web);
    const owner = { cluster: 'evil', namespace: 'shop', service: 'web' };
    const endpoints = Array.from({ length: 10_000 }, (_, at) => endpoint(`10.${at >> 8}.${at & 255}.1`));
    await world.broker.put(recordObject('evil'), {
      ...slice('web', 'web.shop.evil.flood', endpoints),
      metadata: {
        name: 'web.shop.evil.flood',
        namespace: BROKER_NAMESPACE,
        labels: { ...recordLabels(owner), [Label.managedBy]: MANAGED_BY },
      },
    });
    await world.settle();
    assert.deepEqual(await world.east.imports(), ['web ClusterSetIP, http TCP 80, from evil west']);
    assert.deepEqual(await world.east.slices(), SLICES);
  });

  it('by its weight counts with weight 1', async () => {
    await using world = await World.open();
    await world.broker.put(recordObject('evil', {}, { [Annotation.weight]: '1e9' }));
    await world.settle();
    const imported = await world.east.memory.get(Kinds.ServiceImport, { name: 'web', namespace: 'shop' });
    assert.match(imported?.metadata.annotations?.[Annotation.exports] ?? '', /"weight":1}/);
  });
});

it('an agent that has nothing to do writes nothing', async () => {
  await using world = await World.open();
  await world.west.put(...web, ...db);
  await world.settle();
  const before = [...world.members, world.broker].map(({ writes }) => writes);
  await world.pass(600_000);
  assert.deepEqual(
    [...world.members, world.broker].map(({ writes }) => writes),
    before,
  );
});
