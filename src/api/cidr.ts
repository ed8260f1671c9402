import { canonicalIp, ipBytes, ipFamily } from './ip.ts';
import type { IpFamily } from './objects.ts';

declare const brand: unique symbol;

/** A network in its one canonical text: no host bits, IPv6 as RFC 5952 has it. */
export type Cidr = string & { readonly [brand]: 'Cidr' };
/** An address in its one canonical text. */
export type IpAddress = string & { readonly [brand]: 'IpAddress' };

/** @throws Error that says what is wrong with `text` */
export function parseIp(text: string): IpAddress {
  if (ipFamily(text) === undefined) throw new Error(`"${text}" is not an IP address`);
  return canonicalIp(text) as IpAddress;
}

/** @throws Error that says what is wrong with `text`: host bits are refused, since they are mostly a slip */
export function parseCidr(text: string): Cidr {
  const [, address = '', length = ''] = /^([^/]*)\/(\d{1,3})$/.exec(text) ?? [];
  const family = ipFamily(address);
  if (family === undefined || Number(length) > bitsOf(family) || !/^(0|[1-9]\d*)$/.test(length)) {
    throw new Error(`"${text}" is not a network, write it as 10.1.0.0/16 or fd10:1::/48`);
  }
  const network = networkOf(canonicalIp(address) as IpAddress, Number(length));
  if (addressOf(network) !== canonicalIp(address)) {
    throw new Error(`"${text}" has bits set behind its prefix, did you mean ${network}?`);
  }
  return network;
}

/** For lists of what others say, where what is no network is passed over or told elsewhere. */
export function cidrOrNone(text: string): Cidr[] {
  try {
    return [parseCidr(text)];
  } catch {
    return [];
  }
}

/** As {@link cidrOrNone}, for addresses. */
export const ipOrNone = (text: string): IpAddress[] => (ipFamily(text) === undefined ? [] : [parseIp(text)]);

/** The network of `length` bits that an address is in. */
export function networkOf(address: IpAddress, length: number): Cidr {
  const bytes = ipBytes(address);
  for (let bit = length; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) & ~(0x80 >> (bit & 7));
  }
  return `${textOf(bytes)}/${length}` as Cidr;
}

/** The address of these bytes, 4 or 16. */
export function textOf(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return bytes.join('.') as IpAddress;
  const words = Array.from({ length: 8 }, (_, i) =>
    (((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0)).toString(16),
  );
  return canonicalIp(words.join(':')) as IpAddress;
}

export const addressOf = (cidr: Cidr): IpAddress => cidr.slice(0, cidr.indexOf('/')) as IpAddress;
export const prefixLengthOf = (cidr: Cidr): number => Number(cidr.slice(cidr.indexOf('/') + 1));
export const familyOf = (value: Cidr | IpAddress): IpFamily => (value.includes(':') ? 'IPv6' : 'IPv4');
export const bitsOf = (family: IpFamily): number => (family === 'IPv4' ? 32 : 128);
/** The network that holds this address alone. */
export const hostCidr = (ip: IpAddress): Cidr => `${ip}/${bitsOf(familyOf(ip))}` as Cidr;

/** Whether the whole of `inner`, a network or an address, is in `outer`. */
export function contains(outer: Cidr, inner: Cidr | IpAddress): boolean {
  if (familyOf(outer) !== familyOf(inner)) return false;
  const cidr = inner.includes('/') ? (inner as Cidr) : hostCidr(inner as IpAddress);
  const length = prefixLengthOf(outer);
  return prefixLengthOf(cidr) >= length && networkOf(addressOf(cidr), length) === outer;
}

/** Whether two networks have an address in common: then one holds the other. */
export const overlaps = (a: Cidr, b: Cidr): boolean => contains(a, b) || contains(b, a);
