/**
 * The central test of the table: whatever the zone is and becomes, and whatever is asked, the fast path answers byte
 * for byte what the zone's `answer()`, encoded, is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { Zone } from '../../../../src/zone/zone.ts';
import { mutate, wellFormed } from '../../../fuzz/mutate.ts';
import { Random } from '../../../fuzz/random.ts';
import { FastCount } from '../../../../src/dns/fast/fast-counts.ts';
import { anEvent, happen, NAMES } from '../../zone/arbitraries.ts';
import { objectsOf, zoneOf } from '../../zone/driver.ts';
import { fastPath } from '../support/fast.ts';
import { opt, option, query, read } from '../support/messages.ts';
import { slowly } from '../support/slowly.ts';

const CLIENT = { address: '192.0.2.1' };

const NAME_TEXTS = NAMES.map((labels) => labels.join('.'));

test('fast and slow path answer every query of generated zones alike, byte for byte, across changes', () => {
  let fastAnswers = 0;
  let denials = 0;
  fc.assert(
    fc.property(
      fc.array(anEvent, { maxLength: 12 }),
      fc.nat(),
      fc.nat(9),
      fc.constantFrom(8 * 1024, 1024 * 1024),
      (events, seed, chance, tableBytes) => {
        const random = new Random(seed);
        const zone = new Zone({
          reverseZones: ['243.0.0.0/8'],
          origins: chance % 3 === 0 ? ['clusterset.local.', 'svc.clusterset.local.'] : ['clusterset.local.'],
        });
        if (chance > 0) {
          zone.replaceImports([]);
          zone.replaceSlices([]);
        }
        const { send, failures } = fastPath(zone, tableBytes);
        let previous = query();
        const ask = (): void => {
          const fresh = wellFormed(random, NAME_TEXTS);
          const packet = random.once(8) ? mutate(random, fresh, previous) : fresh;
          previous = fresh;
          const before = packet.toString('hex');
          for (let time = 0; time < 2; time++) {
            const { response, fast } = send(packet, CLIENT);
            assert.equal(packet.toString('hex'), before, 'the packet is as it was');
            if (!fast) continue;
            fastAnswers++;
            const possible = slowly(zone, packet, CLIENT.address);
            const got = response?.toString('hex') ?? '';
            if ((response![3]! & 0x0f) === 3) denials++;
            if (!possible.includes(got)) assert.equal(got, possible[0], before);
          }
        };
        for (let n = 0; n < 60; n++) ask();
        for (const event of events) {
          happen(zone, event);
          for (let n = 0; n < 60; n++) ask();
        }
        assert.deepEqual(failures, []);
      },
    ),
    { numRuns: 80 },
  );
  assert.ok(fastAnswers > 5000 && denials > 500, `${fastAnswers} fast answers, ${denials} of them denials`);
});

const many = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `10.9.${n >> 8}.${n & 255} host=h-${n}`);

const WORLD = {
  'shop/web': {
    ports: ['http 80/TCP'],
    from: { west: { ips: ['10.96.0.1'], weight: 3 }, east: { ips: ['10.97.0.1'] } },
    policy: 'weighted',
  },
  'shop/sticky': {
    from: { west: { ips: ['10.96.0.2'] }, north: { ips: ['10.98.0.2'] } },
    policy: 'weighted',
    affinity: true,
  },
  'shop/ten': { type: 'Headless', ports: ['p 1/TCP'], from: { west: { endpoints: many(10) } } },
  'shop/gone': { type: 'Headless', from: { west: { endpoints: ['10.1.0.9 unready'] } } },
  // 70 addresses are 1120 bytes: over the classic size, within Pharos's own.
  'data/some': { type: 'Headless', from: { west: { endpoints: many(70) } } },
  'data/big': { type: 'Headless', ports: ['p 1/UDP'], from: { west: { endpoints: many(300) } } },
} as const;

const zoneName = (name: string): string => `${name}.svc.clusterset.local`;
const inClasses = (name: string, type: number): Buffer[] => [
  query({ name: zoneName(name), type }),
  query({ name: zoneName(name), type, extra: [opt({ size: 512 })] }),
  query({ name: zoneName(name), type, extra: [opt({ size: 1232 })] }),
  query({ name: zoneName(name), type, extra: [opt({ size: 65_535, dnssecOk: true })] }),
];

for (const [what, name, type] of [
  ['one address', 'web.shop', 1],
  ['a type that is not held', 'web.shop', 28],
  ['targets', '_p._tcp.ten.shop', 33],
  ['a name that does not exist', 'nothing.shop', 1],
  ['a namespace that does not exist', 'web.nothing', 33],
  ['a service without endpoints, which says why', 'gone.shop', 1],
  ['an answer that fits with EDNS alone', 'some.data', 1],
  ['targets of which the additional records do not fit', '_p._tcp.ten.shop', 33],
  ['an answer that never fits', 'big.data', 1],
  ['targets that never fit', '_p._udp.big.data', 33],
] as const) {
  test(`${what}: fast and slow path are alike in every class, and take turns alike`, () => {
    for (const stale of [undefined, '2026-11-24T09:00:00Z']) {
      const zone = zoneOf(WORLD);
      zone.setStale(stale);
      const { send } = fastPath(zone);
      for (const message of inClasses(name, type)) {
        const turns = slowly(zone, message, CLIENT.address);
        // The first round makes the answers.
        for (let n = 0; n < turns.length; n++) send(message);
        const got = Array.from({ length: 2 * turns.length }, () => send(message));
        assert.ok(got.every(({ fast }) => fast));
        const responses = got.map(({ response }) => response?.toString('hex') ?? '');
        // Where they stand in their order is not told; that they follow it is.
        const orders = turns.map((_, start) => responses.map((_, n) => turns[(start + n) % turns.length]));
        assert.ok(orders.some((order) => isDeepStrictEqual(order, responses)));
      }
    }
  });
}

test('what is for one client alone is never answered from the table', () => {
  const { send } = fastPath(zoneOf(WORLD));
  const message = query({ name: zoneName('sticky.shop') });
  for (let n = 0; n < 3; n++) assert.equal(send(message).fast, false);
});

test('options in OPT, other classes and odd headers are for the responder', () => {
  const { send } = fastPath(zoneOf(WORLD));
  const name = zoneName('web.shop');
  for (let n = 0; n < 5; n++) send(query({ name }));
  assert.ok(send(query({ name })).fast);
  const odd = {
    'an option': query({ name, extra: [opt({ data: option(10, Buffer.alloc(8)) })] }),
    'another version': query({ name, extra: [opt({ version: 1 })] }),
    'two OPT records': query({ name, extra: [opt(), opt()] }),
    'another class': query({ name, class: 3 }),
    'another opcode': query({ name, flags: 0x2000 }),
    'a response': query({ name, flags: 0x8000 }),
    'bytes after it': Buffer.concat([query({ name }), Buffer.alloc(1)]),
    'no question': query({ name, counts: [0, 0, 0, 0] }),
    'a transfer': query({ name: 'clusterset.local', type: 252 }),
    'a transfer of what does not exist': query({ name: 'x.clusterset.local', type: 251 }),
    'another zone': query({ name: 'web.shop.svc.clusterset.example' }),
    'the end of the name missing': query({ name }).subarray(0, 20),
  };
  for (const [what, message] of Object.entries(odd)) assert.equal(send(message).fast, false, what);
});

test('a change of one service leaves the answers of the others in the table', () => {
  const zone = zoneOf(WORLD);
  const { send } = fastPath(zone);
  const [web, ten] = [query({ name: zoneName('web.shop') }), query({ name: zoneName('ten.shop') })];
  for (let n = 0; n < 20; n++) for (const message of [web, ten]) send(message);
  zone.setReachability(new Map([['west', { reachable: false, reason: 'no answer' }]]));
  zone.setReachability('all');
  assert.equal(send(ten).fast, false, 'west counts in ten');
  for (let n = 0; n < 20; n++) for (const message of [web, ten]) send(message);
  const { imports: changed } = objectsOf({
    'shop/web': { policy: 'local', from: { east: { ips: ['10.97.0.9'] }, west: { ips: ['10.96.0.1'] } } },
  });
  zone.setImport(changed[0]!);
  assert.deepEqual([send(ten).fast, send(web).fast, send(web).fast], [true, false, true]);
});

test('after one name below a service that does not exist, the others are denied without asking', () => {
  const zone = zoneOf(WORLD);
  const { send } = fastPath(zone);
  const fast = (name: string): boolean => send(query({ name: zoneName(name) })).fast;
  assert.deepEqual(
    [fast('x1.web.shop'), fast('x2.web.shop'), fast('y._http._tcp.web.shop')],
    [false, true, true],
  );
  assert.deepEqual([fast('west.web.shop'), fast('_http._tcp.web.shop')], [false, false], 'these exist');
  assert.deepEqual([fast('x1.west.ten.shop'), fast('x2.west.ten.shop')], [false, true]);
  assert.equal(fast('10-9-0-200.west.ten.shop'), false, 'what reads as an address is for the zone');
  zone.removeImport(objectsOf(WORLD).imports[0]!);
  assert.deepEqual([fast('x1.web.shop'), fast('west.web.shop')], [true, true], 'the service is gone');
  zone.setImport(objectsOf(WORLD).imports[0]!);
  assert.deepEqual([fast('x2.web.shop'), fast('x3.web.shop')], [false, true]);
});

test('questions asked once do not push out those that are asked again and again', () => {
  const zone = zoneOf(WORLD);
  const { send, table } = fastPath(zone, 32 * 1024);
  const web = query({ name: zoneName('web.shop') });
  for (let n = 0; n < 10; n++) send(web);
  let misses = 0;
  for (let type = 1000; type < 6000; type++) {
    send(query({ name: zoneName('ten.shop'), type }));
    if (!send(web).fast) misses++;
  }
  assert.ok(misses < 50, `${misses} of 5000`);
  assert.ok(table.table.bytes < 128 * 1024, `${table.table.bytes} bytes`);
});

test('with a rate limit answers come from the table still, over it they are short or none, and cookies pass', () => {
  const zone = zoneOf({ 'shop/web': { from: { west: { ips: ['10.96.0.1'] } } } });
  const { send, table, counters } = fastPath(zone, 1024 * 1024, { perSecond: 3, slip: 2 });
  const name = 'web.shop.svc.clusterset.local';
  const told = Array.from({ length: 7 }, () => {
    const { response, fast } = send(query({ name, extra: [opt()] }));
    const { answers, flag_tc: cut } = response === undefined ? {} : read(response);
    return `${fast ? 'fast' : 'slow'} ${response === undefined ? 'none' : cut === true ? 'cut' : answers?.length}`;
  });
  // The first makes the answer; all of them take of the same limit.
  assert.deepEqual(told, ['slow 1', 'fast 1', 'fast 1', 'fast cut', 'fast none', 'fast cut', 'fast none']);
  assert.deepEqual([table.counts[FastCount.rateSlipped], table.counts[FastCount.rateDropped]], [2, 2]);
  const other = send(query({ name }), { address: '198.51.100.1' });
  assert.equal(other.fast, true, 'another network has its own');
  const known = send(query({ name, extra: [opt({ data: option(10, Buffer.alloc(8, 1)) })] }));
  assert.equal(known.fast, false);
  assert.equal(counters.rateSlipped, 1);
});
