import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { choose, makeChoice, smoothSequence, type Candidate } from '../../../src/zone/choice.ts';
import type { Reach, Reachability } from '../../../src/zone/reachability.ts';
import type { Zone } from '../../../src/zone/zone.ts';
import { answerOf, ask, zoneOf, type ServiceText } from './driver.ts';

const Z = 'clusterset.local.';
const WEB = 'A web.shop.svc.clusterset.local';

const address: Record<string, string> = {
  east: '10.2.0.1',
  north: '10.3.0.1',
  south: '10.4.0.1',
  west: '10.1.0.1',
};
const from = (...clusters: string[]): ServiceText['from'] =>
  Object.fromEntries(clusters.map((cluster) => [cluster, { ips: [address[cluster] ?? ''] }]));

/** The clusters of the answers of so many turns, each turn's joined by "+". */
function clustersOf(zone: ReturnType<typeof zoneOf>, turns: number, question = WEB, client?: string): string {
  const names = Object.fromEntries(Object.entries(address).map(([cluster, ip]) => [ip, cluster]));
  return Array.from({ length: turns }, (_, turn) => {
    const answer = answerOf(zone, question, { turn, ...(client !== undefined && { client }) });
    if (answer.kind !== 'records') return answer.kind;
    return answer.answer.map((record) => ('address' in record ? names[record.address] : '?')).join('+');
  }).join(' ');
}

const down = (...clusters: string[]): Reachability =>
  new Map(
    Object.keys(address).map((cluster) => [
      cluster,
      clusters.includes(cluster) ? { reachable: false, reason: 'no probe came back' } : { reachable: true },
    ]),
  );

suite('choice of a cluster', () => {
  const rows: Record<
    string,
    { service: ServiceText; own?: string; down?: string[]; policy?: 'all'; is: string }
  > = {
    'the own cluster while it is a candidate, by default': {
      service: { from: from('east', 'west') },
      is: 'east east east',
    },
    'the others in turn where the own cluster is none': {
      service: { from: from('north', 'west') },
      is: 'north west north',
    },
    'a server in no member sees all alike': {
      service: { from: from('north', 'west') },
      own: 'elsewhere',
      is: 'north west north',
    },
    'the others by weight where the own cluster is none': {
      service: { from: { north: { ips: ['10.3.0.1'], weight: 3 }, west: { ips: ['10.1.0.1'] } } },
      is: 'north north west north north north west north',
    },
    'an own cluster without a ready endpoint does not count': {
      service: { from: { ...from('west'), east: { ips: ['10.2.0.1'], endpoints: ['10.2.0.1 unready'] } } },
      is: 'west west',
    },
    'weighted: all candidates alike': {
      service: { policy: 'weighted', from: from('east', 'north', 'west') },
      is: 'east north west east north west',
    },
    'weighted: by weight, spread evenly': {
      service: {
        policy: 'weighted',
        from: { east: { ips: ['10.2.0.1'], weight: 1 }, west: { ips: ['10.1.0.1'], weight: 2 } },
      },
      is: 'west east west west east west',
    },
    'all: every address, rotated': {
      service: { policy: 'all', from: from('east', 'north', 'west') },
      is: 'east+north+west north+west+east west+east+north',
    },
    'all as the default policy of the server': {
      service: { from: from('east', 'west') },
      policy: 'all',
      is: 'east+west west+east',
    },
    'a policy that is none is the default': {
      service: { policy: 'nearest', from: from('east', 'west') },
      is: 'east east',
    },
    'an unreachable cluster is no candidate': {
      service: { policy: 'weighted', from: from('east', 'north', 'west') },
      down: ['north'],
      is: 'east west east',
    },
    'the own cluster can always be reached': {
      service: { from: from('east', 'west') },
      down: ['east', 'west'],
      is: 'east',
    },
    'weight 0 is never chosen': {
      service: { policy: 'all', from: { ...from('west'), east: { ips: ['10.2.0.1'], weight: 0 } } },
      is: 'west west',
    },
    'an import of another implementation answers with the addresses in its slices': {
      service: { foreign: true, policy: 'weighted', from: from('east', 'west') },
      is: 'east west east',
    },
  };
  for (const [sentence, row] of Object.entries(rows)) {
    test(sentence, () => {
      const zone = zoneOf(
        { 'shop/web': row.service },
        { own: row.own ?? 'east', ...(row.policy && { policy: row.policy }) },
      );
      zone.setReachability(row.down === undefined ? 'all' : down(...row.down));
      assert.equal(clustersOf(zone, row.is.split(' ').length), row.is);
    });
  }

  test('SRV comes again after the longer of its addresses’ periods', () => {
    const service: ServiceText = {
      policy: 'weighted',
      ports: ['http 80/TCP'],
      from: {
        west: { ips: ['10.1.0.1', 'fd01::1'] },
        east: { ips: ['10.2.0.1'] },
        north: { ips: ['fd03::1'], weight: 2 },
      },
    };
    const zone = zoneOf({ 'shop/web': service });
    const at = (turn: number) => answerOf(zone, 'SRV web.shop.svc.clusterset.local', { turn });
    const answer = at(0);
    assert.equal(answer.kind === 'records' && answer.period, 3);
    for (let turn = 0; turn < 7; turn++) assert.deepEqual(at(turn + 3), at(turn));
  });

  test('the same client stays with its cluster, whatever the turn, and is told so', () => {
    const service: ServiceText = { affinity: true, policy: 'weighted', from: from('east', 'north', 'west') };
    const zone = zoneOf({ 'shop/web': service });
    const [first, ...others] = clustersOf(zone, 5, WEB, '10.9.0.7').split(' ');
    assert.deepEqual(new Set(others), new Set([first]));
    const answer = answerOf(zone, WEB, { client: '10.9.0.7' });
    assert.equal(answer.kind === 'records' && answer.perClient, true);
    assert.equal(answer.kind === 'records' && answer.period, 1);
    assert.equal(clustersOf(zone, 1, WEB, '::ffff:10.9.0.7'), first);
  });

  test('an answer that leaves nothing to the client’s address is for everyone', () => {
    const zone = zoneOf({ 'shop/web': { affinity: true, from: from('east', 'west') } });
    const answer = answerOf(zone, WEB, { client: '10.9.0.7' });
    assert.equal(answer.kind === 'records' && answer.perClient, false);
  });
});

suite('no cluster to choose', () => {
  const rows: Record<string, { service: ServiceText; down?: string[]; question?: string; lines: string[] }> =
    {
      'none is reachable': {
        service: { from: from('north', 'west') },
        down: ['north', 'west'],
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web.shop.svc.${Z} has no cluster to answer with (north: unreachable, no probe came back; west: unreachable, no probe came back)`,
        ],
      },
      'one is drained, one unreachable, one not ready': {
        service: {
          from: {
            north: { ips: ['10.3.0.1'], weight: 0 },
            south: { ips: ['10.4.0.1'], endpoints: ['10.4.0.1 unready'] },
            west: { ips: ['10.1.0.1'] },
          },
        },
        down: ['west'],
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web.shop.svc.${Z} has no cluster to answer with (north: drained; south: no ready endpoint; west: unreachable, no probe came back)`,
        ],
      },
      'an import with no exporter that is known': {
        service: { foreign: true, from: {} },
        lines: [`NODATA ${Z}`, `EDE 22: web.shop.svc.${Z} has no ready endpoint (no cluster has sent any)`],
      },
      'the only cluster with an IPv6 address is unreachable': {
        service: { from: { west: { ips: ['fd01::1'] }, east: { ips: ['10.2.0.1'] } } },
        down: ['west'],
        question: 'AAAA web.shop.svc.clusterset.local',
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web.shop.svc.${Z} has no cluster to answer with (west: unreachable, no probe came back)`,
        ],
      },
      'the IPv6 backends of a dual-stack cluster are not ready': {
        service: {
          from: { west: { ips: ['10.1.0.1', 'fd01::1'], endpoints: ['10.1.0.1', 'fd01::1 unready'] } },
        },
        question: 'AAAA web.shop.svc.clusterset.local',
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web.shop.svc.${Z} has no cluster to answer with (west: no ready endpoint of this family)`,
        ],
      },
      'no cluster has the family at all': {
        service: { from: from('west') },
        down: ['west'],
        question: 'AAAA web.shop.svc.clusterset.local',
        lines: [`NODATA ${Z}`],
      },
      'one cluster is asked for that is unreachable': {
        service: { from: from('east', 'west') },
        down: ['west'],
        question: 'A west.web.shop.svc.clusterset.local',
        lines: [
          `NODATA ${Z}`,
          `EDE 22: west.web.shop.svc.${Z} has no cluster to answer with (west: unreachable, no probe came back)`,
        ],
      },
      'headless, and all that have ready endpoints are unreachable': {
        service: { type: 'Headless', from: { west: { endpoints: ['10.10.0.1'] }, south: {} } },
        down: ['west'],
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web.shop.svc.${Z} has no cluster to answer with (west: unreachable, no probe came back)`,
        ],
      },
      'an endpoint of a cluster that is unreachable': {
        service: { type: 'Headless', from: { west: { endpoints: ['10.10.0.1 host=web-0'] } } },
        down: ['west'],
        question: 'A web-0.west.web.shop.svc.clusterset.local',
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web-0.west.web.shop.svc.${Z} has no cluster to answer with (west: unreachable, no probe came back)`,
        ],
      },
      'one cluster of a headless service that is unreachable': {
        service: { type: 'Headless', from: { west: { endpoints: ['10.10.0.1'] } } },
        down: ['west'],
        question: 'A west.web.shop.svc.clusterset.local',
        lines: [
          `NODATA ${Z}`,
          `EDE 22: west.web.shop.svc.${Z} has no cluster to answer with (west: unreachable, no probe came back)`,
        ],
      },
      'headless SRV, unreachable': {
        service: { type: 'Headless', ports: ['http 80/TCP'], from: { west: { endpoints: ['10.10.0.1'] } } },
        down: ['west'],
        question: 'SRV _http._tcp.web.shop.svc.clusterset.local',
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web.shop.svc.${Z} has no cluster to answer with (west: unreachable, no probe came back)`,
        ],
      },
      'a virtual service answers its IP whatever is ready or reachable': {
        service: {
          ips: ['243.0.0.7'],
          from: { west: { ips: ['10.1.0.1'], endpoints: ['10.1.0.1 unready'] } },
        },
        down: ['west'],
        lines: [`web.shop.svc.${Z} 5 IN A 243.0.0.7`],
      },
      'more clusters than fit into a text': {
        service: { from: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`c${i + 10}`, {}])) },
        lines: [
          `NODATA ${Z}`,
          `EDE 22: web.shop.svc.${Z} has no ready endpoint (c10: no ready endpoint; c11: no ready endpoint; c12: no ready endpoint; c13: no ready endpoint; and 26 more)`,
        ],
      },
    };
  for (const [sentence, row] of Object.entries(rows)) {
    test(sentence, () => {
      const zone = zoneOf({ 'shop/web': row.service });
      zone.setReachability(row.down === undefined ? 'all' : down(...row.down));
      assert.deepEqual(ask(zone, row.question ?? WEB), row.lines);
    });
  }

  test('a long reason is cut: it travels in a UDP answer', () => {
    const zone = zoneOf({ 'shop/web': { from: from('west') } });
    zone.setReachability(new Map([['west', { reachable: false, reason: 'x'.repeat(5000) }]]));
    assert.ok(ask(zone, WEB).join().length < 200);
  });

  test('a cluster that no gateway speaks of is unreachable', () => {
    const zone = zoneOf({ 'shop/web': { from: from('west') } });
    zone.setReachability(new Map());
    assert.match(ask(zone, WEB).join(), /west: unreachable, no gateway has a connection to it/);
  });
});

suite('smooth sequences', () => {
  test('every window of a period holds each index in proportion to its weight', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(weights, fc.nat(1000), (weights, begin) => {
        const sequence = smoothSequence(weights);
        const sum = weights.reduce((a, b) => a + b, 0);
        const counts = weights.map(() => 0);
        for (let turn = begin; turn < begin + sum; turn++) {
          const index = sequence[turn % sequence.length] ?? -1;
          counts[index] = (counts[index] ?? 0) + 1;
        }
        assert.deepEqual(counts, weights);
      }),
    );
  });

  test('no index waits longer than its share allows: two neighbours in turn are never more than a period / weight + n apart', () => {
    assert.deepEqual(smoothSequence([5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
    assert.deepEqual(smoothSequence([100, 100, 100]), [0, 1, 2]);
    assert.deepEqual(smoothSequence([7]), [0]);
    assert.deepEqual(smoothSequence([]), []);
  });
});

suite('rendezvous', () => {
  const clusters = (weights: readonly number[]): Candidate[] =>
    weights.map((weight, index) => ({ id: `c${index}`, own: false, weight }));
  const chosenFor = (candidates: readonly Candidate[], client: string): string | undefined =>
    choose(makeChoice(candidates, 'weighted'), 'shop/web', { client, turn: 0 }).clusters[0]?.id;

  test('on loss of a cluster only its clients move', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(weights, fc.nat(), fc.ipV4(), (weights, lost, client) => {
        const before = clusters(weights);
        const gone = `c${lost % weights.length}`;
        const chosen = chosenFor(before, client);
        const after = chosenFor(
          before.filter(({ id }) => id !== gone),
          client,
        );
        if (chosen !== gone) assert.equal(after, chosen);
        else assert.notEqual(after, gone);
      }),
    );
  });

  test('a client’s services spread', () => {
    const choice = makeChoice(clusters([1, 1]), 'weighted');
    const chosen = Array.from(
      { length: 100 },
      (_, index) => choose(choice, `shop/web-${index}`, { client: '10.0.0.1', turn: 0 }).clusters[0]?.id,
    );
    const first = chosen.filter((id) => id === 'c0').length;
    assert.ok(first > 30 && first < 70, `${first} of 100`);
  });

  test('clients spread by weight', () => {
    const counts: Record<string, number> = {};
    for (let host = 0; host < 10_000; host++) {
      const chosen = chosenFor(clusters([1, 1, 2]), `10.0.${host >> 8}.${host & 255}`) ?? '';
      counts[chosen] = (counts[chosen] ?? 0) + 1;
    }
    const expected: Record<string, number> = { c0: 2500, c1: 2500, c2: 5000 };
    for (const [id, share] of Object.entries(expected)) {
      assert.ok(Math.abs((counts[id] ?? 0) - share) < 200, `${id} got ${counts[id]} of ${share}`);
    }
  });

  test('an asker without an address goes by turn, and nobody else may have its answer', () => {
    const choice = makeChoice(clusters([1, 1]), 'weighted');
    assert.deepEqual(
      [0, 1, 2].map((turn) => choose(choice, 'shop/web', { turn }).clusters[0]?.id),
      ['c0', 'c1', 'c0'],
    );
    assert.equal(choose(choice, 'shop/web', { turn: 0 }).perClient, true);
  });

  test('with policy all the client’s own cluster comes first, then the one it would move to', () => {
    const all = choose(makeChoice(clusters([1, 1, 1]), 'all'), 'shop/web', { client: '10.0.0.1', turn: 4 });
    const [first, second] = all.clusters;
    assert.equal(all.clusters.length, 3);
    assert.equal(first?.id, chosenFor(clusters([1, 1, 1]), '10.0.0.1'));
    assert.equal(
      second?.id,
      chosenFor(
        clusters([1, 1, 1]).filter(({ id }) => id !== first?.id),
        '10.0.0.1',
      ),
    );
  });
});

for (const [what, go] of [
  ['goes', (zone: Zone, left: Counting) => zone.setReachability(left)],
  ['is drained', (zone: Zone, left: Counting) => zone.setDrained(new Drained(left))],
] as const) {
  test(`when a cluster ${what}, all of 10,000 services are told at once, and each answers without it when asked`, () => {
    const services = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, n) => [
        `shop/svc-${n}`,
        { policy: 'weighted', from: { west: { ips: ['10.1.0.1'] }, north: { ips: ['10.3.0.1'] } } },
      ]),
    );
    const zone = zoneOf(services);
    let told: ReadonlySet<string> | 'all' = new Set<string>();
    zone.subscribe((changed) => {
      told = changed;
      // Whoever hears of it sees the new state already.
      assert.deepEqual(clustersOf(zone, 3, 'A svc-77.shop.svc.clusterset.local'), 'north north north');
      // What tables of finished answers ask then.
      for (let n = 0; n < 10_000; n++) assert.ok(zone.hasService('shop', `svc-${n}`));
    });
    const { serial } = zone;
    const left = new Counting([['north', { reachable: true }]]);
    go(zone, left);
    assert.ok(left.looked < 20, `clusters were looked up ${left.looked} times before anyone asked`);
    assert.equal(new Set(told).size, 10_001);
    assert.equal(zone.serial, serial + 1);
    assert.equal(clustersOf(zone, 3, 'A svc-9999.shop.svc.clusterset.local'), 'north north north');
  });
}

/** Each service that is compiled looks up its clusters. */
class Counting extends Map<string, Reach> {
  looked = 0;
  override get(cluster: string) {
    this.looked++;
    return super.get(cluster);
  }
}

/** All clusters but these are drained. */
class Drained extends Map<string, string> {
  readonly #left: Counting;
  constructor(left: Counting) {
    super([['west', 'drained by alice']]);
    this.#left = left;
  }
  override get(cluster: string): string | undefined {
    return this.#left.get(cluster) === undefined ? 'drained by alice' : undefined;
  }
}
