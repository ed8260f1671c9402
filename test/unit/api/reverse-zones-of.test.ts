import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { contains, networkOf, parseCidr, textOf } from '../../../src/api/cidr.ts';
import { ipBytes } from '../../../src/api/ip.ts';
import { reverseZonesOf } from '../../../src/api/reverse-zones-of.ts';

suite('the reverse zones of a network', () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    '243.0.0.0/8': ['243.in-addr.arpa'],
    '10.1.0.0/16': ['1.10.in-addr.arpa'],
    '10.1.2.0/24': ['2.1.10.in-addr.arpa'],
    '10.1.2.3/32': ['3.2.1.10.in-addr.arpa'],
    '10.32.0.0/14': ['32.10.in-addr.arpa', '33.10.in-addr.arpa', '34.10.in-addr.arpa', '35.10.in-addr.arpa'],
    'fd01::/16': ['1.0.d.f.ip6.arpa'],
    'fd01:2:2::/47': ['2.0.0.0.2.0.0.0.1.0.d.f.ip6.arpa', '3.0.0.0.2.0.0.0.1.0.d.f.ip6.arpa'],
  };
  for (const [network, zones] of Object.entries(cases)) {
    test(`${network} is ${zones.join(', ')}`, () => {
      assert.deepEqual(reverseZonesOf(parseCidr(network)), zones);
    });
  }

  /** The name of an address, by other means: text upon text. */
  const reverseName = (bytes: Uint8Array): string =>
    bytes.length === 4
      ? `${[...bytes].toReversed().join('.')}.in-addr.arpa`
      : `${Buffer.from(bytes).toString('hex').split('').toReversed().join('.')}.ip6.arpa`;

  test('have the names of its addresses and of no other, each in one zone', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, fc.nat({ max: 32 }), fc.nat(), (address, length, flip) => {
        const cidr = networkOf(textOf(address), Math.max(1, length));
        const other = Uint8Array.from(address);
        const bit = flip % (other.length * 8);
        other[bit >> 3] = other[bit >> 3]! ^ (0x80 >> (bit & 7));
        for (const each of [address, other]) {
          const name = reverseName(ipBytes(textOf(each)));
          const zones = reverseZonesOf(cidr).filter((zone) => name === zone || name.endsWith(`.${zone}`));
          assert.equal(zones.length, contains(cidr, textOf(each)) ? 1 : 0, `${textOf(each)} in ${cidr}`);
        }
      }),
    );
  });
});
