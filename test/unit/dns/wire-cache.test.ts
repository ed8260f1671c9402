import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Dependency } from '../../../src/zone/records.ts';
import { a, address, explained, FakeSource, records, soa, ZONE } from './support/fake-source.ts';
import { opt, query, queryPath, type Reading } from './support/messages.ts';

const addresses = (response: Reading): string[] =>
  (response.answers ?? []).map((record) => (record.type === 'A' ? record.data : record.type));

/** One record that says which turn it was. */
const turning = (period: number): FakeSource =>
  new FakeSource((name, { turn }) => records([a(name, address(turn % period))], { period }));

test('the zone is asked once for what stays the same', () => {
  const source = new FakeSource((name) => records([a(name, '192.0.2.1')]));
  const { ask, counters } = queryPath(source);
  ask(query());
  ask(query({ name: 'A.ClusterSet.LOCAL' }));
  ask(query({ extra: [opt({ dnssecOk: true })] }));
  ask(query(), 'tcp');
  assert.equal(source.asked.length, 1);
  assert.deepEqual([counters.cacheHits, counters.cacheMisses], [3, 1]);
});

test('another type is another question', () => {
  const source = new FakeSource((name, _asker, type) => records([a(name, address(type))]));
  const { ask } = queryPath(source);
  for (const time of ['first', 'second']) {
    assert.deepEqual(addresses(ask(query({ type: 65 }))), [address(65)], time);
    assert.deepEqual(addresses(ask(query({ type: 97 }))), [address(97)], time);
  }
});

test('each turn has its own answer, in order, and the zone is asked once for each', () => {
  const source = turning(3);
  const { ask } = queryPath(source);
  const seen = Array.from({ length: 9 }, () => addresses(ask(query()))[0]);
  assert.deepEqual(seen.slice(0, 3), seen.slice(3, 6));
  assert.deepEqual(seen.slice(0, 3), seen.slice(6));
  assert.equal(new Set(seen).size, 3);
  assert.equal(source.asked.length, 3);
});

test('over any window of whole periods every turn is served its exact number of times', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.nat(30),
      fc.integer({ min: 1, max: 4 }),
      (period, skip, times) => {
        const { ask } = queryPath(turning(period));
        // Other questions take turns of their own in between.
        const next = (): string => {
          ask(query({ name: 'other.clusterset.local' }));
          return addresses(ask(query()))[0] ?? '';
        };
        for (let n = 0; n < skip; n++) next();
        const seen = Array.from({ length: period * times }, next);
        for (let turn = 0; turn < period; turn++) {
          assert.equal(seen.filter((found) => found === address(turn)).length, times);
        }
      },
    ),
  );
});

test('an answer for one client alone is asked for each time', () => {
  const source = new FakeSource((name, { client }) =>
    records([a(name, client ?? '0.0.0.0')], { perClient: true }),
  );
  const { ask, cache } = queryPath(source);
  for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) {
    assert.deepEqual(addresses(ask(query(), 'udp', { address: client })), [client]);
  }
  assert.equal(cache.entries, 0);
});

test('refusals and not being ready are not kept', () => {
  let ready = false;
  const source = new FakeSource((name) => {
    if (!name.endsWith(ZONE)) return { ...explained(), kind: 'refused' };
    return ready ? records([a(name, '192.0.2.1')]) : { ...explained(), kind: 'not-synced' };
  });
  const { ask, cache } = queryPath(source);
  assert.deepEqual([ask(query({ name: 'example.com' })).rcode, ask(query()).rcode], [5, 2]);
  assert.equal(cache.entries, 0);
  ready = true;
  assert.equal(ask(query()).rcode, 0);
});

test('a change of one service touches the names of that service only', () => {
  let version = 1;
  const of = (name: string): Dependency => `service:shop/${name.split('.')[0] ?? ''}`;
  const source = new FakeSource((name) => records([a(name, address(version))], { dependsOn: of(name) }));
  const { ask } = queryPath(source);
  const both = (): (string | undefined)[] =>
    ['mysql', 'web'].map((name) => addresses(ask(query({ name: `${name}.clusterset.local` })))[0]);
  both();
  version = 2;
  source.change('service:shop/mysql');
  assert.deepEqual(both(), [address(2), address(1)]);
  assert.deepEqual(both(), [address(2), address(1)], 'and stays so');
  version = 3;
  source.change('service:shop/mysql', 'service:shop/web');
  assert.deepEqual(both(), [address(3), address(3)]);
  version = 4;
  source.change('all');
  assert.deepEqual(both(), [address(4), address(4)]);
});

test('a name that did not exist is there once it does', () => {
  let exists = false;
  const source = new FakeSource((name) => (exists ? records([a(name, '192.0.2.1')]) : undefined));
  const { ask } = queryPath(source);
  assert.deepEqual([ask(query()).rcode, ask(query()).rcode], [3, 3]);
  exists = true;
  source.change('apex');
  assert.equal(ask(query()).rcode, 0);
});

test('whatever happens in whatever order, an answer is what the zone says now', () => {
  const services = ['s0', 's1', 's2'] as const;
  const step = fc.oneof(
    fc.record({ ask: fc.constantFrom(...services), tcp: fc.boolean() }),
    fc.record({ change: fc.subarray([...services], { minLength: 1 }) }),
    fc.constant({ all: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      // service → how often it changed
      const versions = new Map<string, number>();
      const source = new FakeSource((name) => {
        const service = name.split('.')[0] ?? '';
        const dependsOn: Dependency = `service:ns/${service}`;
        return records([a(name, address(versions.get(service) ?? 0))], { dependsOn });
      });
      const { ask } = queryPath(source, { entries: 2, bytes: 1e5 });
      const raise = (service: string): unknown => versions.set(service, (versions.get(service) ?? 0) + 1);
      for (const now of steps) {
        if ('ask' in now) {
          const response = ask(query({ name: `${now.ask}.clusterset.local` }), now.tcp ? 'tcp' : 'udp');
          assert.deepEqual(addresses(response), [address(versions.get(now.ask) ?? 0)]);
        } else if ('change' in now) {
          for (const service of now.change) raise(service);
          source.change(...now.change.map((service): Dependency => `service:ns/${service}`));
        } else {
          for (const service of services) raise(service);
          source.change('all');
        }
      }
    }),
  );
});

test('a kept negative answer has the serial of now', () => {
  const source = new FakeSource(() => undefined);
  const { ask } = queryPath(source);
  const serial = (response: Reading): unknown => {
    const [found] = response.authorities ?? [];
    return found?.type === 'SOA' ? found.data.serial : undefined;
  };
  assert.equal(serial(ask(query())), 1);
  source.change('service:shop/unrelated');
  assert.equal(serial(ask(query())), 2);
  source.serial = 0xffff_fffe;
  assert.equal(serial(ask(query({ extra: [opt()] }))), 0xffff_fffe);
  assert.equal(source.asked.length, 1, 'it came from the cache');
});

test('a kept SOA answer has the serial of now too', () => {
  const source = new FakeSource(() => records([soa(source.serial)]));
  const { ask } = queryPath(source);
  ask(query());
  source.change('service:shop/unrelated');
  const [found] = ask(query()).answers ?? [];
  assert.equal(found?.type === 'SOA' && found.data.serial, 2);
});

test('random names make room for each other within the bounds', () => {
  const source = new FakeSource((name) => {
    const dependsOn: Dependency = `service:ns/${name}`;
    return { ...explained({ dependsOn }), kind: 'nxdomain', soa: soa(1) };
  });
  const { ask, cache } = queryPath(source, { entries: 50, bytes: 1e6 });
  for (let n = 0; n < 500; n++) ask(query({ name: `${n}.clusterset.local` }));
  assert.equal(cache.entries, 50);
  assert.equal(cache.dependencies, 50, 'nor is anything kept of what they depended on');
  source.change(...Array.from({ length: 500 }, (_, n): Dependency => `service:ns/${n}.${ZONE}`));
  assert.equal(cache.dependencies, 0);
  ask(query({ name: '499.clusterset.local' }));
  assert.equal(cache.dependencies, 1);
});

test('an answer that is too large to keep leaves nothing behind', () => {
  const source = new FakeSource((name) =>
    records([a(name, '192.0.2.1')], { dependsOn: `service:ns/${name}` }),
  );
  const { ask, cache } = queryPath(source, { entries: 10, bytes: 100 });
  for (let n = 0; n < 20; n++) ask(query({ name: `${n}.clusterset.local` }));
  assert.deepEqual([cache.entries, cache.dependencies], [0, 0]);
});

test('questions with one dependency come and go, and all are dropped with it', () => {
  let version = 1;
  const source = new FakeSource((name) =>
    records([a(name, address(version))], { dependsOn: 'service:shop/web' }),
  );
  const { ask } = queryPath(source, { entries: 3, bytes: 1e6 });
  const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.clusterset.local`);
  for (const name of names) ask(query({ name }));
  version = 2;
  source.change('service:shop/web');
  for (const name of [...names].reverse()) assert.deepEqual(addresses(ask(query({ name }))), [address(2)]);
  version = 3;
  source.change('service:shop/web');
  for (const name of names) assert.deepEqual(addresses(ask(query({ name }))), [address(3)]);
});

test('large answers make room for each other within the bound on bytes', () => {
  const many = (name: string) => Array.from({ length: 60 }, (_, n) => a(name, address(n)));
  const { ask, cache } = queryPath(new FakeSource((name) => records(many(name))), {
    entries: 1000,
    bytes: 20_000,
  });
  for (let n = 0; n < 100; n++) ask(query({ name: `${n}.clusterset.local` }));
  assert.ok(cache.entries > 5 && cache.entries < 20, String(cache.entries));
  assert.ok(cache.bytes <= 20_000);
});

test('a service with thousands of endpoints is answered right in every turn, without keeping every turn', () => {
  const size = 3000;
  const source = new FakeSource((name, { turn }) =>
    records(
      Array.from({ length: size }, (_, n) => a(name, address((n + turn) % size))),
      { period: size },
    ),
  );
  const { ask, cache } = queryPath(source);
  const [start = ''] = addresses(ask(query(), 'tcp'));
  const first = Number(start.split('.')[2]) * 256 + Number(start.split('.')[3]);
  for (let turn = 1; turn <= 20; turn++) {
    const found = addresses(ask(query(), 'tcp'));
    assert.equal(found.length, size);
    assert.equal(found[0], address((first + turn) % size));
  }
  assert.ok(cache.bytes < 300_000, `${cache.bytes} bytes kept`);
});

test('what was found too large for UDP is truncated without asking the zone again', () => {
  const size = 20;
  const source = new FakeSource((name, { turn }) =>
    records(
      Array.from({ length: size * 150 }, (_, n) => a(name, address(n + turn))),
      { period: size },
    ),
  );
  const { ask } = queryPath(source);
  for (let n = 0; n < 2 * size; n++) assert.equal(ask(query()).flag_tc, true);
  assert.equal(source.asked.length, size);
});

test('a period of any length costs no memory of its own', () => {
  const { ask, cache } = queryPath(turning(2 ** 31));
  for (let n = 0; n < 10_000; n++) ask(query());
  assert.ok(cache.bytes <= 260_000, `${cache.bytes} bytes kept`);
});

test('a closed cache keeps nothing and listens to nobody', () => {
  const source = turning(1);
  const { ask, cache } = queryPath(source);
  ask(query());
  cache.close();
  assert.deepEqual([cache.entries, cache.bytes, source.listeners], [0, 0, 0]);
});
