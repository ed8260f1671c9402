import { addressOf, type Cidr, familyOf, prefixLengthOf } from './cidr.ts';
import { ipBytes } from './ip.ts';
import type { IpFamily } from './objects.ts';

const DIGIT_BITS: Readonly<Record<IpFamily, number>> = { IPv4: 8, IPv6: 4 };
const SUFFIX: Readonly<Record<IpFamily, string>> = { IPv4: 'in-addr.arpa', IPv6: 'ip6.arpa' };

/**
 * The zones that together have the reverse name of each address of a network, and of no other (RFC 1035, 3.5;
 * RFC 3596, 2.5). A network that ends within a label is several: 10.32.0.0/12 is 32.10.in-addr.arpa to
 * 47.10.in-addr.arpa.
 */
export function reverseZonesOf(cidr: Cidr): string[] {
  const family = familyOf(cidr);
  const size = DIGIT_BITS[family];
  const depth = Math.ceil(prefixLengthOf(cidr) / size);
  const bytes = ipBytes(addressOf(cidr));
  const digits = family === 'IPv4' ? [...bytes] : [...bytes].flatMap((byte) => [byte >> 4, byte & 0xf]);
  const text = (digit: number): string => digit.toString(family === 'IPv4' ? 10 : 16);
  const outer = digits.slice(0, Math.max(0, depth - 1)).map(text);
  const first = digits[depth - 1];
  if (first === undefined) return [SUFFIX[family]];
  const count = 2 ** (depth * size - prefixLengthOf(cidr));
  return Array.from({ length: count }, (_, index) =>
    [text(first + index), ...outer.toReversed(), SUFFIX[family]].join('.'),
  );
}
