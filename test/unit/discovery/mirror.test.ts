import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Endpoint } from '../../../src/api/objects.ts';

import { mirrorSlices, type SliceContent } from '../../../src/discovery/mirror.ts';
import { endpoint, slice } from './objects.ts';

const mirrored = (...endpoints: readonly Endpoint[]): readonly Endpoint[] => {
  const [mirror, ...more] = mirrorSlices([slice('db', 'db-a', endpoints)], false);
  assert.deepEqual(more, []);
  return mirror?.endpoints ?? assert.fail('no mirror');
};
const pods = (count: number, network = 0): Endpoint[] =>
  Array.from({ length: count }, (_, at) => endpoint(`10.${network}.${at >> 8}.${at & 255}`));
const addressesOf = ({ endpoints }: SliceContent): string[] =>
  endpoints.flatMap(({ addresses }) => addresses);

describe('a mirrored endpoint', () => {
  it('has what others can use, and nothing that means something in its own cluster only', () => {
    const conditions = { ready: false, serving: true, terminating: true };
    const given: Endpoint = {
      addresses: ['10.1.0.1'],
      conditions,
      hostname: 'db-0',
      nodeName: 'node-1',
      zone: 'eu-1a',
      targetRef: { kind: 'Pod', name: 'db-0', namespace: 'shop' },
    };
    assert.deepEqual(mirrored({ ...given, hints: { forZones: [{ name: 'eu-1a' }] } } as Endpoint), [
      {
        addresses: ['10.1.0.1'],
        conditions,
        hostname: 'db-0',
        zone: 'eu-1a',
        targetRef: { kind: 'Pod', name: 'db-0' },
      },
    ]);
  });

  it('of which nobody says whether it is ready is', () => {
    assert.deepEqual(mirrored({ addresses: ['10.1.0.1'] }), [
      { addresses: ['10.1.0.1'], conditions: { ready: true } },
    ]);
  });

  it('does not name what is no pod', () => {
    assert.deepEqual(mirrored({ addresses: ['10.1.0.1'], targetRef: { kind: 'Node', name: 'a' } }), [
      { addresses: ['10.1.0.1'], conditions: { ready: true } },
    ]);
  });

  it('whose address no other cluster can route is left out', () => {
    const local = ['127.0.0.1', '169.254.0.1', '0.0.0.0', '224.0.0.1'].map((address) => endpoint(address));
    assert.deepEqual(
      mirrored(...local, endpoint('10.1.0.1')).map(({ addresses }) => addresses),
      [['10.1.0.1']],
    );
  });

  it('counts as ready where the Service publishes pods before they are', () => {
    const given = slice('db', 'db-a', [endpoint('10.1.0.1', { conditions: { ready: false } })]);
    assert.equal(mirrorSlices([given], true)[0]?.endpoints[0]?.conditions?.ready, true);
  });

  it('of the host network shares its address with others and is one of its own', () => {
    const pod = (name: string): Endpoint => ({
      addresses: ['10.1.0.1'],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name },
    });
    assert.equal(mirrored(pod('a'), pod('b')).length, 2);
  });
});

describe('a mirrored slice', () => {
  it('of names is left out: other clusters resolve names themselves', () => {
    assert.deepEqual(
      mirrorSlices([slice('db', 'db-a', [{ addresses: ['db.example.com'] }], 'FQDN')], false),
      [],
    );
  });

  it('without endpoints and ports is there, whichever way the server writes that', () => {
    const empty = slice('db', 'db-a', []);
    for (const given of [empty, { ...empty, endpoints: null, ports: null } as never]) {
      const [mirror, ...more] = mirrorSlices([given], false);
      assert.deepEqual([mirror?.endpoints, more], [[], []]);
    }
  });

  it('is told from others by its name, which stays the same', () => {
    const suffixes = () =>
      mirrorSlices([slice('db', 'db-a', pods(1)), slice('db', 'db-b', pods(1))], false).map(
        ({ suffix }) => suffix,
      );
    assert.equal(new Set(suffixes()).size, 2);
    assert.deepEqual(suffixes(), suffixes());
    for (const suffix of suffixes()) assert.match(suffix, /^[0-9a-f]{10}$/);
  });

  it('has another name when it has another address type, which cannot be changed', () => {
    const [v4] = mirrorSlices([slice('db', 'db-a', [])], false);
    const [v6] = mirrorSlices([slice('db', 'db-a', [], 'IPv6')], false);
    assert.notEqual(v4?.suffix, v6?.suffix);
  });

  it('keeps the order of its endpoints whatever the order in the source', () => {
    const given = pods(10);
    assert.deepEqual(mirrored(...given), mirrored(...given.toReversed()));
  });

  it('of 100 endpoints is one, of 101 is parts', () => {
    const parts = (count: number) => mirrorSlices([slice('db', 'db-a', pods(count))], false).length;
    assert.deepEqual([parts(100), parts(101)], [1, 2]);
  });

  it('of a thousand pods on one address is parts of at most 100, too', () => {
    const given = Array.from({ length: 1000 }, (_, at) =>
      endpoint('10.1.0.1', { targetRef: { kind: 'Pod', name: `pod-${at}` } }),
    );
    const parts = mirrorSlices([slice('db', 'db-a', given)], false);
    assert.equal(
      parts.reduce((sum, { endpoints }) => sum + endpoints.length, 0),
      1000,
    );
    assert.ok(parts.every(({ endpoints }) => endpoints.length > 0 && endpoints.length <= 100));
  });

  it('of a thousand equal endpoints is one of one endpoint', () => {
    assert.equal(mirrored(...Array.from({ length: 1000 }, () => endpoint('10.1.0.1'))).length, 1);
  });
});

describe('the parts of a slice', () => {
  const some = fc.uniqueArray(
    fc.ipV4().filter((address) => !/^(0|127|169\.254|22[4-9]|23\d|255)\b/.test(address)),
    {
      maxLength: 700,
    },
  );
  const partsOf = (addresses: readonly string[], notReady?: string): SliceContent[] =>
    mirrorSlices(
      [
        slice(
          'db',
          'db-a',
          addresses.map((address) => endpoint(address, { conditions: { ready: address !== notReady } })),
        ),
      ],
      false,
    );

  it('hold every endpoint once, at most 100 each, under names of their own', () => {
    fc.assert(
      fc.property(some, (addresses) => {
        const parts = partsOf(addresses);
        assert.deepEqual(parts.flatMap(addressesOf).sort(), addresses.toSorted());
        assert.ok(parts.every(({ endpoints }) => endpoints.length <= 100));
        assert.ok(parts.length === 1 || parts.every(({ endpoints }) => endpoints.length > 0));
        assert.equal(new Set(parts.map(({ suffix }) => suffix)).size, parts.length);
      }),
      { numRuns: 50 },
    );
  });

  it("are, but for one, untouched by one endpoint's change", () => {
    fc.assert(
      fc.property(
        some.filter(({ length }) => length > 0),
        fc.nat(),
        (addresses, at) => {
          const before = partsOf(addresses);
          const after = partsOf(addresses, addresses[at % addresses.length]);
          const changed = before.filter(
            (part, index) => JSON.stringify(part) !== JSON.stringify(after[index]),
          );
          assert.equal(changed.length, 1);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('are, but for one, untouched by an endpoint that comes, unless that halves a part', () => {
    fc.assert(
      fc.property(
        some.filter(({ length }) => length > 0),
        (addresses) => {
          const [, ...fewer] = addresses;
          const [before, after] = [partsOf(fewer), partsOf(addresses)];
          const texts = new Set(before.map((part) => JSON.stringify(part)));
          const written = after.filter((part) => !texts.has(JSON.stringify(part)));
          const halved = after.length > before.length ? after.length - before.length : 0;
          assert.ok(written.length <= 1 + halved, `${written.length} parts written`);
        },
      ),
      { numRuns: 50 },
    );
  });
});
