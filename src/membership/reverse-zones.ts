/** Which reverse zones cluster DNS is to send to Pharos, beside its own. Pure. */
import { addressOf, type Cidr, familyOf, overlaps, prefixLengthOf } from '../api/cidr.ts';
import { ipBytes } from '../api/ip.ts';
import type { IpFamily } from '../api/objects.ts';

const DIGIT_BITS: Readonly<Record<IpFamily, number>> = { IPv4: 8, IPv6: 4 };
const SUFFIX: Readonly<Record<IpFamily, string>> = { IPv4: 'in-addr.arpa', IPv6: 'ip6.arpa' };
/** A member that claims more than a private range whole, or what a registry gives a provider, claims too much. */
const WIDEST: Readonly<Record<IpFamily, number>> = { IPv4: 8, IPv6: 20 };

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

export interface Ranges {
  /** This cluster's pods and Services, whose names its own DNS has. */
  readonly own: readonly Cidr[];
  /** Of the clusterset's IPs; none where they are not in use. */
  readonly clusterset: readonly Cidr[];
  /** Of other members' pods, as they say. */
  readonly remote: readonly Cidr[];
}

/** In a stable order, each once. A stranger's word takes neither this cluster's own names nor half the world's. */
export function reverseZones({ own, clusterset, remote }: Ranges): string[] {
  const isTheirs = (cidr: Cidr): boolean =>
    prefixLengthOf(cidr) >= WIDEST[familyOf(cidr)] && !own.some((mine) => overlaps(mine, cidr));
  return [...new Set([...clusterset, ...remote.filter(isTheirs)].flatMap(reverseZonesOf))].sort();
}
