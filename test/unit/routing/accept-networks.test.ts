import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { overlaps, parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import type { Cluster } from '../../../src/api/tunnel.ts';
import { type Claim, acceptNetworks, claimOf } from '../../../src/routing/accept-networks.ts';

const own: readonly Claim[] = [
  { network: parseCidr('10.1.0.0/16'), owner: 'the pods of this cluster "west"' },
  claimOf(parseIp('192.168.1.11'), 'node "gw1" of this cluster'),
];
const record = (cluster: string, podCIDRs: string[], created = '2026-01-01T00:00:00Z'): Cluster => ({
  apiVersion: Kinds.Cluster.apiVersion,
  kind: 'Cluster',
  metadata: { name: cluster, namespace: 'pharos-system', creationTimestamp: created },
  spec: { clusterId: cluster, podCIDRs, serviceCIDRs: [] },
});

describe('networks of other clusters', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    [
      '10.1.128.0/17',
      'own-range',
      '10.1.128.0/17 of cluster "east" overlaps 10.1.0.0/16, the pods of this cluster "west"',
    ],
    [
      '192.168.0.0/16',
      'own-range',
      '192.168.0.0/16 of cluster "east" overlaps 192.168.1.11/32, node "gw1" of this cluster',
    ],
    ['0.0.0.0/0', 'too-wide', '0.0.0.0/0 of cluster "east" is wider than /8'],
    ['::/0', 'too-wide', '::/0 of cluster "east" is wider than /20'],
    ['127.0.0.0/8', 'not-routable', '127.0.0.0/8 of cluster "east" is no network that is routed to'],
    [
      '169.254.169.254/32',
      'not-routable',
      '169.254.169.254/32 of cluster "east" is no network that is routed to',
    ],
    ['10.2.0.1/16', 'malformed', '"10.2.0.1/16" has bits set behind its prefix, did you mean 10.2.0.0/16?'],
    [
      '10.2.0.0/16; drop',
      'malformed',
      '"10.2.0.0/16; drop" is not a network, write it as 10.1.0.0/16 or fd10:1::/48',
    ],
  ];
  for (const [network, refusal, why] of rows) {
    it(`${network} is refused (${refusal}), and the one beside it is not`, () => {
      const { members, refused } = acceptNetworks([record('east', [network, '10.9.0.0/16'])], own);
      assert.deepEqual(refused, [{ cluster: 'east', network, refusal, why }]);
      assert.deepEqual(members[0]?.podCidrs, ['10.9.0.0/16']);
    });
  }

  it('belong to who had them first, and both are named', () => {
    const late = record('aaa', ['10.2.3.0/24'], '2026-06-01T00:00:00Z');
    const { members, refused } = acceptNetworks([late, record('east', ['10.2.0.0/16'])], own);
    assert.deepEqual(
      members.map(({ cluster, podCidrs }) => [cluster, podCidrs]),
      [
        ['east', ['10.2.0.0/16']],
        ['aaa', []],
      ],
    );
    assert.deepEqual(
      refused.map(({ why }) => why),
      [
        '10.2.3.0/24 of cluster "aaa" overlaps 10.2.0.0/16, the pods of cluster "east", which was there first',
      ],
    );
  });

  it('a record that speaks for another cluster is refused whole', () => {
    const { members, refused } = acceptNetworks(
      [{ ...record('east', ['10.2.0.0/16']), metadata: { name: 'mallory' } }],
      own,
    );
    assert.deepEqual(members, []);
    assert.equal(refused[0]?.refusal, 'impersonation');
  });

  it('that are taken never overlap each other or what is own, whatever is claimed', () => {
    const network = fc
      .tuple(fc.integer({ min: 8, max: 11 }), fc.integer({ min: 0, max: 3 }), fc.constantFrom(8, 15, 16, 24))
      .map(([a, b, length]) =>
        length === 8 ? `${a}.0.0.0/8` : `${a}.${length === 15 ? b & 2 : b}.0.0/${length}`,
      );
    const records = fc
      .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'))
      .chain((names) =>
        fc.tuple(
          ...names.map((name) => fc.array(network, { maxLength: 3 }).map((nets) => record(name, nets))),
        ),
      );
    fc.assert(
      fc.property(records, (records) => {
        const { members } = acceptNetworks(records, own);
        for (const { cluster, podCidrs } of members) {
          const others = members.filter((member) => member.cluster !== cluster);
          for (const one of podCidrs) {
            assert.ok(others.flatMap((member) => member.podCidrs).every((other) => !overlaps(one, other)));
            assert.ok(own.every((claim) => !overlaps(claim.network, one)));
          }
        }
        assert.deepEqual(acceptNetworks(records.toReversed(), own).members, members);
      }),
    );
  });
});
