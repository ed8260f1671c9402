import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Cluster, TunnelEndpoint } from '../../../src/api/tunnel.ts';
import { type Admitted, admit, type Self } from '../../../src/tunnel/admit.ts';
import { clusterRecord, endpointRecord, west } from './records.ts';

const east = clusterRecord('east', '10.2.0.0/16', { serviceCIDRs: ['10.102.0.0/16'] });
const eastGw1 = endpointRecord('east', 'gw1', '192.168.2.11', { publicIP: '203.0.113.2' });
const KEY = Buffer.alloc(32, 7).toString('base64');

const named = ({ members }: Admitted): string[] =>
  members.map(({ cluster, gateways }) => `${cluster}: ${gateways.map(({ gateway }) => gateway).join(' ')}`);

test('a sound cluster and its gateways are taken, private address first', () => {
  const admitted = admit(west, [east], [eastGw1, endpointRecord('east', 'gw2', '192.168.2.12')]);
  assert.deepEqual(admitted.refused, []);
  assert.deepEqual(named(admitted), ['east: gw1 gw2']);
  assert.deepEqual(admitted.members[0]?.cidrs, ['10.2.0.0/16', '10.102.0.0/16']);
  assert.deepEqual(admitted.members[0]?.gateways[0]?.addresses, ['192.168.2.11', '203.0.113.2']);
});

test("a cluster's own records are not its peers", () => {
  const admitted = admit(
    west,
    [clusterRecord('west', '10.1.0.0/16'), east],
    [endpointRecord('west', 'gw2', '192.168.1.12'), eastGw1],
  );
  assert.deepEqual(admitted.refused, []);
  assert.deepEqual(named(admitted), ['east: gw1']);
});

const labelled = <T extends Cluster | TunnelEndpoint>(record: T, cluster: string): T => ({
  ...record,
  metadata: { ...record.metadata, labels: { 'multicluster.kubernetes.io/source-cluster': cluster } },
});
const renamed = <T extends Cluster | TunnelEndpoint>(record: T, name: string): T => ({
  ...record,
  metadata: { ...record.metadata, name },
});
const evil = (pod: string): Cluster => clusterRecord('evil', pod, {}, '2026-02-01T00:00:00Z');

const clusters: readonly (readonly [string, Cluster, string, RegExp])[] = [
  ['everything', evil('0.0.0.0/0'), 'too-large', /0\.0\.0\.0\/0 is larger/],
  ['everything of IPv6', evil('::/0'), 'too-large', /::\/0/],
  ['half of everything', evil('128.0.0.0/1'), 'too-large', /\/8/],
  ['loopback', evil('127.0.0.0/8'), 'reserved', /127\.0\.0\.0\/8/],
  ['link-local', evil('169.254.1.0/24'), 'reserved', /169\.254/],
  ['multicast', evil('224.0.0.0/8'), 'reserved', /224/],
  ['the addresses inside of tunnels', evil('242.7.0.0/16'), 'reserved', /242/],
  [
    "this cluster's pods",
    evil('10.1.128.0/17'),
    'overlap',
    /10\.1\.128\.0\/17 overlaps 10\.1\.0\.0\/16 of this cluster, "west"/,
  ],
  ["this cluster's Services", evil('10.101.0.0/24'), 'overlap', /10\.101/],
  ['clusterset IPs', evil('243.1.0.0/16'), 'overlap', /243/],
  ["the gateway's own address", evil('192.168.1.0/24'), 'overlap', /holds 192\.168\.1\.11/],
  [
    "an older member's pods",
    evil('10.2.3.0/24'),
    'overlap',
    /10\.2\.3\.0\/24 overlaps 10\.2\.0\.0\/16 of cluster "east"/,
  ],
  ['a network with host bits', evil('10.9.0.1/16'), 'malformed', /spec\.podCIDRs\[0\]/],
  ['text with the syntax of nft', evil('10.9.0.0/16 } accept'), 'malformed', /podCIDRs/],
  [
    'the id of this cluster',
    labelled(renamed(clusterRecord('west', '10.9.0.0/16'), 'west'), 'evil'),
    'own-id',
    /cluster "evil" wrote it/,
  ],
  [
    'the id of another',
    labelled(clusterRecord('north', '10.9.0.0/16'), 'evil'),
    'foreign',
    /"evil" speaks for cluster "north"/,
  ],
  ['a name that is not its id', renamed(evil('10.9.0.0/16'), 'good'), 'foreign', /speaks for cluster "evil"/],
];
for (const [what, record, reason, message] of clusters) {
  test(`a Cluster that claims ${what} is refused, and all others stay`, () => {
    const admitted = admit(west, [record, east], [eastGw1]);
    assert.deepEqual(named(admitted), ['east: gw1']);
    assert.deepEqual(
      admitted.refused.map((refusal) => refusal.reason),
      [reason],
    );
    assert.match(admitted.refused[0]?.message ?? '', message);
  });
}

const ipsecWest: Self = { ...west, driver: 'ipsec' };
const withKey: Partial<TunnelEndpoint['spec']> = { driver: 'ipsec', publicKeys: [KEY] };
const endpoints: readonly (readonly [string, TunnelEndpoint, string, RegExp])[] = [
  [
    'of a cluster that it is not of',
    labelled(endpointRecord('east', 'gw9', '192.168.9.1', withKey), 'evil'),
    'foreign',
    /"evil" speaks for cluster "east"/,
  ],
  [
    'of this cluster',
    labelled(endpointRecord('west', 'gw1', '192.168.9.1', withKey), 'evil'),
    'own-id',
    /own id/,
  ],
  [
    'under the name of another gateway',
    renamed(endpointRecord('east', 'gw9', '192.168.9.1', withKey), 'east.gw1'),
    'foreign',
    /east\.gw9/,
  ],
  ['at the loopback', endpointRecord('east', 'gw9', '127.0.0.1', withKey), 'bad-address', /127/],
  [
    'among its own pods',
    endpointRecord('east', 'gw9', '10.2.0.1', withKey),
    'bad-address',
    /10\.2\.0\.0\/16/,
  ],
  ["among this cluster's pods", endpointRecord('east', 'gw9', '10.1.0.1', withKey), 'bad-address', /10\.1/],
  ['at no address', endpointRecord('east', 'gw9', 'localhost', withKey), 'malformed', /privateIP/],
  [
    'without a key',
    endpointRecord('east', 'gw9', '192.168.9.1', { driver: 'ipsec' }),
    'bad-key',
    /needs a key/,
  ],
  [
    'with half a key',
    endpointRecord('east', 'gw9', '192.168.9.1', { driver: 'ipsec', publicKeys: ['AAAA'] }),
    'bad-key',
    /32 bytes/,
  ],
  [
    'with a key of zeros',
    endpointRecord('east', 'gw9', '192.168.9.1', {
      driver: 'ipsec',
      publicKeys: [Buffer.alloc(32).toString('base64')],
    }),
    'bad-key',
    /32 bytes/,
  ],
  [
    "with another gateway's key",
    endpointRecord('east', 'gw9', '192.168.9.1', withKey),
    'key-in-use',
    /east\/gw1/,
  ],
  [
    'with another driver',
    endpointRecord('east', 'gw9', '192.168.9.1'),
    'driver-differs',
    /uses vxlan, this gateway ipsec/,
  ],
  [
    'of a cluster without a record',
    endpointRecord('north', 'gw9', '192.168.9.1', {
      driver: 'ipsec',
      publicKeys: [Buffer.alloc(32, 9).toString('base64')],
    }),
    'no-cluster',
    /north/,
  ],
  [
    'with the syntax of a shell for a name',
    endpointRecord('east', '$(reboot)', '192.168.9.1', withKey),
    'malformed',
    /spec\.gateway/,
  ],
];
for (const [what, record, reason, message] of endpoints) {
  test(`an Endpoint ${what} is refused, and all others stay`, () => {
    const admitted = admit(
      ipsecWest,
      [east],
      [endpointRecord('east', 'gw1', '192.168.2.11', withKey), record],
    );
    assert.deepEqual(named(admitted), ['east: gw1']);
    assert.deepEqual(
      admitted.refused.map((refusal) => refusal.reason),
      [reason],
    );
    assert.match(admitted.refused[0]?.message ?? '', message);
  });
}

test('who claims a network first keeps it, whatever the names and the order of the lists', () => {
  const first = clusterRecord('zebra', '10.5.0.0/16', {}, '2026-01-01T00:00:00Z');
  const second = clusterRecord('ant', '10.5.0.0/16', {}, '2026-01-02T00:00:00Z');
  for (const list of [
    [first, second],
    [second, first],
  ]) {
    assert.deepEqual(named(admit(west, list, [])), ['zebra: ']);
  }
});

test('of two records of one cluster the older counts', () => {
  const first = clusterRecord('b', '10.3.0.0/24', {}, '2026-01-01T00:00:00Z');
  const second = clusterRecord('b', 'fd00::/64', {}, '2026-01-02T00:00:00Z');
  const { members, refused } = admit(west, [second, first], []);
  assert.deepEqual(
    members.map(({ cluster, cidrs }) => [cluster, cidrs.map(String).includes('10.3.0.0/24')]),
    [['b', true]],
  );
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    ['clash'],
  );
});

test('whatever the records are, it never throws, and what it takes is apart from what is our own', () => {
  const cidr = fc.oneof(
    fc.string(),
    fc.tuple(fc.ipV4(), fc.nat(40)).map(([ip, length]) => `${ip}/${length}`),
    fc.constantFrom('10.1.0.0/16', '10.3.0.0/16', '10.3.0.0/24', '0.0.0.0/0', 'fd00::/64'),
  );
  const cluster = fc.record({
    name: fc.constantFrom('a', 'b', 'west', '$(x)'),
    source: fc.constantFrom('a', 'b', 'west'),
    pod: cidr,
  });
  fc.assert(
    fc.property(fc.array(cluster), fc.array(fc.jsonValue()), (claims, junk) => {
      const records = claims.map(({ name, pod, source }) => labelled(clusterRecord(name, pod), source));
      const { members } = admit(west, [...junk, ...records], junk);
      for (const { cluster: id, cidrs } of members) {
        assert.notEqual(id, 'west');
        for (const taken of cidrs) assert.match(taken, /^[0-9a-f.:]+\/\d+$/);
        assert.ok(!cidrs.some((taken) => taken.startsWith('10.1.') || taken === '0.0.0.0/0'));
      }
      assert.equal(new Set(members.map(({ cluster: id }) => id)).size, members.length);
    }),
  );
});
