import { canonicalIp, ipBytes, ipFamily } from '../api/ip.ts';
import type { IpFamily } from '../api/objects.ts';

/** A network whose reverse names are answered with authority. */
export interface ReverseZone {
  readonly family: IpFamily;
  readonly bits: number;
  readonly bytes: Uint8Array;
}

/** The reverse name of an address (RFC 1035, 3.5; RFC 3596, 2.5), of a network, or something below one. */
export interface ReverseName {
  readonly family: IpFamily;
  /** Outermost first: bytes of IPv4, half-bytes of IPv6; all 4 or 32 of them where it is an address. */
  readonly digits: readonly number[];
  /** Further labels below the digits, which no address has. */
  readonly below: boolean;
}

/** @throws Error where `text` is not a network in CIDR notation */
export function parseReverseZone(text: string): ReverseZone {
  const [address = '', length = '', ...more] = text.split('/');
  const family = ipFamily(address);
  const bits = /^[0-9]{1,3}$/.test(length) ? Number(length) : -1;
  if (family === undefined || bits < 0 || bits > (family === 'IPv4' ? 32 : 128) || more.length > 0) {
    throw new Error(`"${text}" is not a network: write it as ADDRESS/BITS, e.g. 243.0.0.0/16`);
  }
  return { family, bits, bytes: ipBytes(address) };
}

const SUFFIX = { IPv4: 'in-addr', IPv6: 'ip6' } as const;
const DIGIT = { IPv4: /^(0|[1-9][0-9]{0,2})$/, IPv6: /^[0-9a-f]$/ } as const;
const DIGITS = { IPv4: 4, IPv6: 32 } as const;
const DIGIT_BITS = { IPv4: 8, IPv6: 4 } as const;

/** @param labels outermost last, lower case; undefined where they are not below in-addr.arpa or ip6.arpa */
export function parseReverseName(labels: readonly string[]): ReverseName | undefined {
  const [arpa, suffix, ...rest] = labels.toReversed();
  if (arpa !== 'arpa') return undefined;
  const family = suffix === SUFFIX.IPv4 ? 'IPv4' : suffix === SUFFIX.IPv6 ? 'IPv6' : undefined;
  if (family === undefined) return undefined;
  const digits: number[] = [];
  for (const label of rest.slice(0, DIGITS[family])) {
    const digit = DIGIT[family].test(label) ? Number.parseInt(label, family === 'IPv4' ? 10 : 16) : 256;
    if (digit > 255) break;
    digits.push(digit);
  }
  return { family, digits, below: digits.length < rest.length };
}

/** The canonical address of a reverse name, where it is that of one address. */
export function addressOf({ family, digits, below }: ReverseName): string | undefined {
  if (below || digits.length < DIGITS[family]) return undefined;
  if (family === 'IPv4') return digits.join('.');
  const hex = digits.map((digit) => digit.toString(16)).join('');
  return canonicalIp(hex.replaceAll(/(.{4})(?!$)/g, '$1:'));
}

/** The labels of an address's reverse name. */
export function reverseLabelsOf(address: string): string[] {
  const bytes = [...ipBytes(address)];
  const digits = bytes.length === 4 ? bytes : bytes.flatMap((byte) => [byte >> 4, byte & 0xf]);
  return reverseText(bytes.length === 4 ? 'IPv4' : 'IPv6', digits)
    .slice(0, -1)
    .split('.');
}

/** The closest zone that a reverse name is in, and whether it is that zone's apex. */
export function reverseZoneOf(
  name: ReverseName,
  zones: readonly ReverseZone[],
): { readonly apex: string; readonly isApex: boolean } | undefined {
  const within = zones
    .filter((zone) => zone.family === name.family && contains(zone, name))
    .reduce<ReverseZone | undefined>(
      (best, zone) => (best && best.bits >= zone.bits ? best : zone),
      undefined,
    );
  if (within === undefined) return undefined;
  const depth = apexDepth(within);
  return {
    apex: reverseText(name.family, name.digits.slice(0, depth)),
    isApex: name.digits.length === depth && !name.below,
  };
}

/**
 * How many digits the apex has. A network that ends within a digit is several zones, one for each value
 * that the digit can have: 10.32.0.0/12 is 32.10.in-addr.arpa to 47.10.in-addr.arpa.
 */
const apexDepth = ({ family, bits }: ReverseZone): number => Math.ceil(bits / DIGIT_BITS[family]);

function contains(zone: ReverseZone, { family, digits }: ReverseName): boolean {
  const size = DIGIT_BITS[family];
  if (digits.length < apexDepth(zone)) return false;
  for (let bit = 0; bit < zone.bits; bit++) {
    const wanted = ((zone.bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
    const given = ((digits[Math.floor(bit / size)] ?? 0) >> (size - 1 - (bit % size))) & 1;
    if (wanted !== given) return false;
  }
  return true;
}

/** Presentation form, with the final dot. */
export const reverseText = (family: IpFamily, digits: readonly number[]): string =>
  [
    ...digits.toReversed().map((digit) => digit.toString(family === 'IPv4' ? 10 : 16)),
    SUFFIX[family],
    'arpa.',
  ].join('.');
