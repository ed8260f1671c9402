import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseIp } from '../../../src/api/cidr.ts';
import {
  type Backend,
  type ImportFacts,
  MAX_SLOTS,
  type SliceFacts,
  backendText,
  planService,
} from '../../../src/routing/service-plan.ts';

const VIP = parseIp('243.0.0.10');
const http = { name: 'http', protocol: 'TCP', port: 80 } as const;
const given = (change: Partial<ImportFacts> = {}): ImportFacts => ({
  key: 'shop/web',
  ips: [VIP],
  ports: [http],
  affinity: false,
  ownFirst: true,
  exports: [
    { cluster: 'west', ips: [parseIp('10.151.0.5')], weight: 1 },
    { cluster: 'east', ips: [parseIp('10.152.0.5'), parseIp('fd10:152::5')], weight: 1 },
    { cluster: 'north', ips: [parseIp('10.153.0.5')], weight: 3 },
  ],
  ...change,
});
const pods = (ready: readonly string[], notReady: readonly string[] = []): SliceFacts => ({
  service: 'shop/web',
  cluster: undefined,
  family: 'IPv4',
  endpoints: [
    ...ready.map((ip) => ({ ip: parseIp(ip), ready: true })),
    ...notReady.map((ip) => ({ ip: parseIp(ip), ready: false })),
  ],
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
});
const there = (cluster: string, ready: boolean): SliceFacts => ({
  service: 'shop/web',
  cluster,
  family: 'IPv4',
  endpoints: [{ ip: parseIp('10.152.0.5'), ready }],
  ports: [http],
});

/** Slots as `address:port xN`. */
function slots(
  facts: ImportFacts,
  slices: readonly SliceFacts[],
  unreachable: readonly string[] = [],
): string {
  const [entry] = planService(facts, slices, {
    cluster: 'west',
    node: 'w1',
    reach: (cluster) => (unreachable.includes(cluster) ? 'gone' : 'open'),
  });
  const counts = new Map<string, number>();
  for (const { ip, port } of entry?.slots ?? []) {
    counts.set(`${ip}:${port}`, (counts.get(`${ip}:${port}`) ?? 0) + 1);
  }
  return [...counts].map(([backend, count]) => `${backend} x${count}`).join(', ');
}

describe('what a clusterset IP goes to', () => {
  const all = [pods(['10.1.0.2', '10.1.0.3']), there('east', true), there('north', true)];
  const rows: readonly (readonly [string, string, string])[] = [
    ['own pods first, each as likely', slots(given(), all), '10.1.0.2:8080 x1, 10.1.0.3:8080 x1'],
    [
      'none of them is ready: the others by weight',
      slots(given(), [pods([], ['10.1.0.2']), there('east', true), there('north', true)]),
      '10.152.0.5:80 x1, 10.153.0.5:80 x3',
    ],
    ['one cannot be reached', slots(given(), all.slice(1), ['north']), '10.152.0.5:80 x1'],
    [
      'one has nothing ready',
      slots(given(), [there('east', false), there('north', true)]),
      '10.153.0.5:80 x1',
    ],
    ['nobody has', slots(given(), []), ''],
    [
      'all by weight, own pods among them',
      slots(given({ ownFirst: false }), all),
      '10.1.0.2:8080 x1, 10.1.0.3:8080 x1, 10.152.0.5:80 x2, 10.153.0.5:80 x6',
    ],
    [
      'weight 0 is never chosen',
      slots(
        given({ exports: given().exports.map((e) => ({ ...e, weight: e.cluster === 'north' ? 0 : 5 })) }),
        all.slice(1),
      ),
      '10.152.0.5:80 x1',
    ],
    [
      'a port that own pods do not have goes elsewhere',
      slots(given({ ports: [{ ...http, name: 'other' }] }), all),
      '10.152.0.5:80 x1, 10.153.0.5:80 x3',
    ],
    [
      'IPv6: who has it',
      slots(given({ ips: [parseIp('fd00:243::10')] }), [{ ...there('east', true), family: 'IPv6' }]),
      'fd10:152::5:80 x1',
    ],
  ];
  for (const [what, actual, expected] of rows) it(what, () => assert.equal(actual, expected));

  it('connections may stay with what is not chosen, but not with what is gone', () => {
    const entry = planService(given(), [pods(['10.1.0.2'], ['10.1.0.9']), there('east', true)], {
      cluster: 'west',
      node: 'w1',
      reach: (cluster) => (cluster === 'north' ? 'gone' : 'open'),
    })[0];
    assert.deepEqual(entry?.alive, new Set(['10.1.0.2 8080', '10.1.0.9 8080', '10.152.0.5 80']));
  });

  it('connections may stay with what is drained, the own cluster included, and new ones go elsewhere', () => {
    const slices = [pods(['10.1.0.2']), there('east', true), there('north', true)];
    const plan = (closing: readonly string[]) =>
      planService(given(), slices, {
        cluster: 'west',
        node: 'w1',
        reach: (cluster) => (closing.includes(cluster) ? 'closing' : 'open'),
      })[0];
    const everybody = new Set(['10.1.0.2 8080', '10.152.0.5 80', '10.153.0.5 80']);
    for (const [closing, backends] of [
      [['west'], ['10.152.0.5 80', '10.153.0.5 80']],
      [['west', 'north'], ['10.152.0.5 80']],
      [['west', 'north', 'east'], []],
    ] as const) {
      const entry = plan(closing);
      assert.deepEqual([...new Set(entry?.slots.map(backendText))].toSorted(), backends);
      assert.deepEqual(entry?.alive, everybody);
    }
  });

  it('slots follow the weights, and no order of what the API lists matters', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(weights, fc.boolean(), (weights, turned) => {
        const exports = weights.map((weight, i) => ({
          cluster: `c${i}`,
          ips: [parseIp(`10.152.${i}.1`)],
          weight,
        }));
        const slices = exports.map(({ cluster }) => there(cluster, true));
        const plan = (list: readonly SliceFacts[]): readonly Backend[] =>
          planService(given({ exports, ownFirst: false }), list, {
            cluster: 'west',
            node: 'w1',
            reach: () => 'open',
          })[0]?.slots ?? [];
        const made = plan(slices);
        if (turned) assert.deepEqual(plan(slices.toReversed()), made);
        assert.ok(made.length <= MAX_SLOTS);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [i, weight] of weights.entries()) {
          const share = made.filter((backend) => backendText(backend) === `10.152.${i}.1 80`).length;
          assert.ok(share >= 1);
          // Nobody's share is off by more than the slots that all the others need to have one at all.
          assert.ok(Math.abs(share / made.length - weight / total) <= weights.length / MAX_SLOTS + 0.01);
        }
      }),
    );
  });

  it('of more pods than slots some are taken, others on other nodes, the same ones as long as they are there', () => {
    const many = Array.from({ length: 100 }, (_, i) => `10.1.1.${i}`);
    const on = (node: string, ips: readonly string[]): Set<string> =>
      new Set(
        planService(given(), [pods(ips)], { cluster: 'west', node, reach: () => 'open' })[0]?.slots.map(
          backendText,
        ),
      );
    const here = on('w1', many);
    assert.equal(here.size, MAX_SLOTS);
    assert.notDeepEqual(here, on('w2', many));
    const gone = [...here][0]?.split(' ')[0];
    const left = on(
      'w1',
      many.filter((ip) => ip !== gone),
    );
    assert.equal([...here].filter((backend) => !left.has(backend)).length, 1);
  });
});
