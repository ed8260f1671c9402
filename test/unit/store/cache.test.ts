import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Kinds } from '../../../src/api/kinds.ts';
import type { ServiceExport } from '../../../src/api/objects.ts';
import { ObjectCache } from '../../../src/store/cache.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { ObjectStore, WatchEvent } from '../../../src/store/store.ts';
import { Random } from '../../fuzz/random.ts';
import { disorderly } from '../support/disorderly-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';

const exported = (name: string, labels: Record<string, string> = {}): ServiceExport => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: { name, namespace: 'shop', labels },
});

function setUp() {
  const clock = new FakeClock();
  const memory = new MemoryStore({ location: 'memory', clock });
  const store = new FaultyStore(memory);
  const cache = new ObjectCache({
    store,
    kind: Kinds.ServiceExport,
    indexes: { tier: (object: ServiceExport) => (object.metadata.labels?.['tier'] ?? '').split('.') },
    clock,
  });
  const changes: string[] = [];
  const unsubscribe = cache.onChange((key, before, after) => {
    assert.equal(cache.get(key), after, 'the cache has it before the listener is told');
    changes.push(`${before ? (after ? 'changed' : 'gone') : 'new'} ${key}`);
  });
  const stop = new AbortController();
  const start = (): Promise<void> => cache.run(stop.signal);
  const put = (name: string, labels?: Record<string, string>) =>
    memory.apply(Kinds.ServiceExport, exported(name, labels));
  const remove = (name: string) => memory.remove(Kinds.ServiceExport, { name, namespace: 'shop' });
  const names = (objects: Iterable<ServiceExport>): string[] =>
    [...objects].map((object) => object.metadata.name).sort();
  return { clock, store, cache, changes, unsubscribe, stop, start, put, remove, names };
}

describe('an object cache', () => {
  it('is synced after the first snapshot, when the listeners know all objects', async () => {
    const { cache, changes, start, put, stop } = setUp();
    await put('mysql');
    assert.equal(cache.isSynced, false);
    const running = start();
    await cache.synced;
    assert.equal(cache.isSynced, true);
    assert.deepEqual(changes, ['new shop/mysql']);
    assert.equal(cache.get('shop/mysql')?.metadata.name, 'mysql');
    stop.abort();
    await running;
  });

  it('follows changes and tells each once', async () => {
    const { cache, changes, start, put, remove, names } = setUp();
    void start();
    await cache.synced;
    await put('mysql');
    await put('mysql', { a: '1' });
    await put('mysql', { a: '1' });
    await put('web');
    await remove('mysql');
    await turn();
    assert.deepEqual(changes, ['new shop/mysql', 'changed shop/mysql', 'new shop/web', 'gone shop/mysql']);
    assert.deepEqual([names(cache.values()), cache.size], [['web'], 1]);
  });

  it('finds objects by an index as they come, change and go', async () => {
    const { cache, start, put, remove, names } = setUp();
    await put('mysql', { tier: 'db.core' });
    await put('redis', { tier: 'db' });
    void start();
    await cache.synced;
    assert.deepEqual(names(cache.find('tier', 'db')), ['mysql', 'redis']);
    assert.deepEqual(names(cache.find('tier', 'core')), ['mysql']);
    await put('mysql', { tier: 'web' });
    await remove('redis');
    await turn();
    assert.deepEqual(cache.find('tier', 'db'), []);
    assert.deepEqual(names(cache.find('tier', 'web')), ['mysql']);
    assert.deepEqual(cache.indexed('tier'), ['web']);
  });

  it('keeps the last state while the store is out of sight, and says since when and why', async () => {
    const { cache, clock, store, start, put } = setUp();
    await put('mysql');
    void start();
    await cache.synced;
    const trouble = () => [cache.interruption?.since, cache.interruption?.error.code];
    assert.deepEqual(trouble(), [undefined, undefined]);
    const since = clock.now();
    store.disconnect();
    await clock.advance(5000);
    store.disconnect();
    assert.deepEqual(trouble(), [since, 'unavailable']);
    assert.equal(cache.size, 1);
    store.reconnect('changes');
    assert.deepEqual(trouble(), [undefined, undefined]);
  });

  for (const how of ['changes', 'snapshot'] as const) {
    it(`tells exactly the differences after a time out of sight (resumed by ${how})`, async () => {
      const { cache, changes, store, start, put, remove } = setUp();
      for (const name of ['same', 'changed', 'gone']) await put(name);
      void start();
      await cache.synced;
      changes.length = 0;
      store.disconnect();
      await put('changed', { a: '1' });
      await put('new');
      await remove('gone');
      await turn();
      assert.deepEqual(changes, []);
      store.reconnect(how);
      await turn();
      assert.deepEqual(new Set(changes), new Set(['changed shop/changed', 'gone shop/gone', 'new shop/new']));
      assert.equal(cache.interruption, undefined);
    });
  }

  it('takes an object that was deleted and created again under its name as a change', async () => {
    const { cache, changes, store, start, put, remove } = setUp();
    const first = await put('mysql');
    void start();
    await cache.synced;
    store.disconnect();
    await remove('mysql');
    await put('mysql');
    store.reconnect('snapshot');
    await turn();
    assert.deepEqual(changes, ['new shop/mysql', 'changed shop/mysql']);
    assert.notEqual(cache.get('shop/mysql')?.metadata.uid, first.metadata.uid);
  });

  it('tells a listener nothing after it unsubscribed', async () => {
    const { cache, changes, unsubscribe, start, put } = setUp();
    void start();
    await cache.synced;
    unsubscribe();
    await put('mysql');
    await turn();
    assert.deepEqual([changes, cache.size], [[], 1]);
  });

  it('never syncs from a store that it could not see yet', async () => {
    const { cache, store, start, put } = setUp();
    await put('mysql');
    store.disconnect();
    void start();
    await turn();
    assert.deepEqual([cache.isSynced, cache.interruption?.error.code], [false, 'unavailable']);
    store.reconnect('changes');
    await cache.synced;
    assert.deepEqual([cache.size, cache.interruption], [1, undefined]);
  });

  it('ends as the store, also where changes are told twice, late and in any order', async () => {
    const change = fc.tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom('put', 'remove', 'wait'),
      fc.nat(9),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 30 }), fc.nat(), async (changes, seed) => {
        const clock = new FakeClock();
        const memory = new MemoryStore({ location: 'memory', clock });
        const random = new Random(seed);
        const store = disorderly(memory, (end) => random.below(end));
        const cache = new ObjectCache({ store, kind: Kinds.ServiceExport, clock });
        const stop = new AbortController();
        const running = cache.run(stop.signal);
        await cache.synced;
        for (const [name, what, label] of changes) {
          if (what === 'wait') await turn();
          else if (what === 'put')
            await memory.apply(Kinds.ServiceExport, exported(name, { tier: String(label) }));
          else await memory.remove(Kinds.ServiceExport, { name, namespace: 'shop' });
        }
        await turn();
        await turn();
        const byName = (objects: Iterable<ServiceExport>): ServiceExport[] =>
          [...objects].sort((one, other) => one.metadata.name.localeCompare(other.metadata.name));
        assert.deepEqual(byName(cache.values()), byName(await memory.list(Kinds.ServiceExport)));
        stop.abort();
        await running;
      }),
      {
        examples: [
          // Two ends of one name, the second told first.
          [
            [
              ['a', 'put', 0],
              ['a', 'remove', 0],
              ['a', 'put', 0],
              ['a', 'remove', 0],
            ],
            2,
          ],
        ],
      },
    );
  });

  describe('that is told what its owner wrote', () => {
    it('has it at once, tells it once, and hears nothing new from the watch', async () => {
      const { cache, changes, start, put, remove } = setUp();
      void start();
      await cache.synced;
      const written = await put('mysql');
      cache.wrote(written);
      assert.equal(cache.get('shop/mysql'), written);
      await turn();
      assert.deepEqual(changes, ['new shop/mysql']);
      await remove('mysql');
      cache.removed(written);
      assert.equal(cache.get('shop/mysql'), undefined);
      await turn();
      assert.deepEqual(changes, ['new shop/mysql', 'gone shop/mysql']);
    });

    it('is not taken back by what the watch tells of the time before', async () => {
      const { cache, changes, store, start, put, remove } = setUp();
      void start();
      await cache.synced;
      store.disconnect();
      await put('mysql');
      await remove('mysql');
      await put('mysql', { a: '1' });
      const written = await put('mysql', { a: '2' });
      cache.wrote(written);
      store.reconnect('changes');
      await turn();
      assert.deepEqual([cache.get('shop/mysql'), changes], [written, ['new shop/mysql']]);
    });

    it('does not take back what the watch told already', async () => {
      const { cache, start, put } = setUp();
      void start();
      await cache.synced;
      const written = await put('mysql');
      const later = await put('mysql', { a: '1' });
      await turn();
      cache.wrote(written);
      assert.equal(cache.get('shop/mysql'), later);
    });

    it('does not bring back what the watch told the end of already', async () => {
      const { cache, start, put, remove } = setUp();
      void start();
      await cache.synced;
      const written = await put('mysql');
      await remove('mysql');
      await turn();
      cache.wrote(written);
      assert.equal(cache.size, 0);
    });

    it('does not lose what somebody made anew under the name of what was removed', async () => {
      const { cache, start, put, remove } = setUp();
      const written = await put('mysql');
      void start();
      await cache.synced;
      await remove('mysql');
      const anew = await put('mysql');
      await turn();
      cache.removed(written);
      assert.equal(cache.get('shop/mysql'), anew);
    });

    it('compares versions as numbers', async () => {
      const { cache, start } = setUp();
      void start();
      await cache.synced;
      const at = (resourceVersion: string): ServiceExport => {
        const made = exported('mysql');
        return { ...made, metadata: { ...made.metadata, resourceVersion } };
      };
      for (const version of ['9', '10', '9']) cache.wrote(at(version));
      assert.equal(cache.get('shop/mysql')?.metadata.resourceVersion, '10');
    });

    it('keeps to what it is a cache of, and waits for the first list', async () => {
      const clock = new FakeClock();
      const store = new MemoryStore({ location: 'memory', clock });
      const selector = { labels: { show: 'yes' } };
      const cache = new ObjectCache({ store, kind: Kinds.ServiceExport, selector, clock });
      const [shown, hidden] = [exported('shown', { show: 'yes' }), exported('hidden')];
      cache.wrote(shown);
      assert.equal(cache.size, 0);
      void cache.run(new AbortController().signal);
      await cache.synced;
      for (const object of [shown, hidden]) cache.wrote(object);
      assert.deepEqual([...cache.keys()], ['shop/shown']);
      cache.wrote(exported('shown', { show: 'no' }));
      assert.deepEqual([...cache.keys()], []);
    });
  });

  it('tells when the store gets out of sight and back, each once', async () => {
    const { cache, store, start } = setUp();
    const told: string[] = [];
    const unsubscribe = cache.onSight((inSight) => {
      told.push(
        `${inSight ? 'back' : 'gone'}, ${cache.interruption === undefined ? 'in sight' : 'interrupted'}`,
      );
    });
    void start();
    await cache.synced;
    store.disconnect();
    store.disconnect();
    store.reconnect('snapshot');
    await turn();
    assert.deepEqual(told, ['gone, interrupted', 'back, in sight']);
    unsubscribe();
    store.disconnect();
    assert.equal(told.length, 2);
  });

  it('ends in the state of the last events, its listeners and indexes in the same', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const object = fc
      .tuple(name, fc.constantFrom('x', 'y', 'x.y'), fc.nat(3))
      .map(([name, tier, version]): ServiceExport => {
        const made = exported(name, { tier });
        return { ...made, metadata: { ...made.metadata, resourceVersion: `${tier}-${version}` } };
      });
    const unique = fc.uniqueArray(object, { selector: (made) => made.metadata.name });
    const event: fc.Arbitrary<WatchEvent<ServiceExport>> = fc.oneof(
      unique.map((objects) => ({ type: 'snapshot' as const, objects })),
      object.map((made) => ({ type: 'set' as const, object: made })),
      object.map((made) => ({ type: 'removed' as const, object: made })),
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const cache = new ObjectCache({
          store: scripted(events),
          kind: Kinds.ServiceExport,
          indexes: { tier: (made: ServiceExport) => made.metadata.labels?.['tier']?.split('.') ?? [] },
          clock: new FakeClock(),
        });
        const told = new Map<string, ServiceExport>();
        cache.onChange((key, before, after) => {
          assert.equal(told.get(key), before);
          if (after) told.set(key, after);
          else told.delete(key);
        });
        void cache.run(new AbortController().signal);
        const expected = new Map<string, ServiceExport>();
        for (const event of events) {
          if (event.type === 'snapshot') {
            expected.clear();
            for (const made of event.objects) expected.set(made.metadata.name, made);
          } else if (event.type === 'set') expected.set(event.object.metadata.name, event.object);
          else if (event.type === 'removed') expected.delete(event.object.metadata.name);
        }
        const tiers = (objects: Iterable<ServiceExport>): string[] =>
          [...objects].map((made) => `${made.metadata.name} ${made.metadata.labels?.['tier']}`).sort();
        assert.deepEqual(tiers(cache.values()), tiers(expected.values()));
        assert.deepEqual(tiers(told.values()), tiers(expected.values()));
        for (const tier of ['x', 'y']) {
          const filed = [...expected.values()].filter((made) =>
            made.metadata.labels?.['tier']?.split('.').includes(tier),
          );
          assert.deepEqual(tiers(cache.find('tier', tier)), tiers(filed));
        }
      }),
    );
  });
});

/** A store that can only be watched, and tells `events` at once. */
function scripted(events: readonly WatchEvent<ServiceExport>[]): ObjectStore {
  const memory = new MemoryStore({ location: 'script', clock: new FakeClock() });
  return Object.assign(memory, {
    watch: async (_kind: unknown, _selector: unknown, onEvent: (event: WatchEvent<never>) => void) => {
      for (const event of events) onEvent(event as WatchEvent<never>);
    },
  });
}
