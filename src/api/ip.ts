import { isIPv4, isIPv6 } from 'node:net';
import type { IpFamily } from './objects.ts';

/**
 * The family of a textual IP address, or undefined where it is none. Strict: no leading zeros, no short
 * forms, no zone index ("fe80::1%eth0" is not an address that another host could use).
 */
export function ipFamily(text: string): IpFamily | undefined {
  if (isIPv4(text)) return 'IPv4';
  return isIPv6(text) && !text.includes('%') ? 'IPv6' : undefined;
}

/** The address in wire form, 4 or 16 bytes. `text` must satisfy {@link ipFamily}. */
export function ipBytes(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const words = [...left, ...Array<number>(zeros).fill(0), ...right];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

/** The 16-bit groups of one side of "::", where the last may be a dotted quad (RFC 4291, 2.2). */
function groups(side: string): number[] {
  if (side === '') return [];
  return side.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** The one canonical text of an address (RFC 5952 for IPv6), so that equal addresses are equal strings. */
export function canonicalIp(text: string): string {
  return isIPv4(text) ? text : new URL(`http://[${text}]`).hostname.slice(1, -1);
}
