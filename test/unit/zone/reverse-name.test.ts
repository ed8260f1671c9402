import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalIp, ipBytes, ipFamily } from '../../../src/api/ip.ts';
import { parseDomainName } from '../../../src/zone/name.ts';
import {
  addressOf,
  parseReverseName,
  parseReverseZone,
  reverseText,
  reverseZoneOf,
} from '../../../src/zone/reverse-name.ts';

/** The reverse name of an address, made in another way than the code does. */
const reverseOf = (address: string): string => {
  const bytes = [...ipBytes(address)].reverse();
  return ipFamily(address) === 'IPv4'
    ? `${bytes.join('.')}.in-addr.arpa.`
    : `${bytes.map((byte) => `${(byte & 15).toString(16)}.${(byte >> 4).toString(16)}`).join('.')}.ip6.arpa.`;
};

const zoneOfName = (name: string, ...networks: string[]): string | undefined => {
  const parsed = parseReverseName(parseDomainName(name));
  return parsed && reverseZoneOf(parsed, networks.map(parseReverseZone))?.apex;
};

suite('reverse names', () => {
  test('a reverse name leads to its address, and back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const name = parseReverseName(parseDomainName(reverseOf(text)));
        assert.ok(name);
        assert.equal(addressOf(name), canonicalIp(text));
        assert.equal(reverseText(name.family, name.digits), reverseOf(text));
      }),
    );
  });

  const zones: Record<string, [name: string, networks: string[], apex: string | undefined]> = {
    'a network of whole bytes is one zone': [
      '9.1.0.243.in-addr.arpa',
      ['243.0.0.0/16'],
      '0.243.in-addr.arpa.',
    ],
    'one that ends within a byte is several': [
      '9.1.33.10.in-addr.arpa',
      ['10.32.0.0/12'],
      '33.10.in-addr.arpa.',
    ],
    'outside its bits is outside': ['9.1.48.10.in-addr.arpa', ['10.32.0.0/12'], undefined],
    'the zone itself is in it': ['0.243.in-addr.arpa', ['243.0.0.0/16'], '0.243.in-addr.arpa.'],
    'above it is not': ['243.in-addr.arpa', ['243.0.0.0/16'], undefined],
    'the closest of two counts': [
      '9.1.0.243.in-addr.arpa',
      ['243.0.0.0/16', '243.0.1.0/24'],
      '1.0.243.in-addr.arpa.',
    ],
    'in any order': ['9.1.0.243.in-addr.arpa', ['243.0.1.0/24', '243.0.0.0/16'], '1.0.243.in-addr.arpa.'],
    'IPv6 has half-bytes': [
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.3.4.d.f.ip6.arpa',
      ['fd43::/18'],
      '1.3.4.d.f.ip6.arpa.',
    ],
    'a number with a leading zero is none': [
      '9.01.0.243.in-addr.arpa',
      ['243.0.0.0/16'],
      '0.243.in-addr.arpa.',
    ],
    'the other family does not match': ['9.1.0.243.in-addr.arpa', ['::/0'], undefined],
  };
  for (const [sentence, [name, networks, apex]] of Object.entries(zones)) {
    test(sentence, () => assert.equal(zoneOfName(name, ...networks), apex));
  }

  test('names elsewhere are none', () => {
    for (const name of ['example.com', 'arpa', 'home.arpa', '1.in-addr.example', 'in-addr']) {
      assert.equal(parseReverseName(parseDomainName(name)), undefined, name);
    }
  });
});
