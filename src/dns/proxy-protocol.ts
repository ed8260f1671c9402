/**
 * The PROXY protocol, version 2: what a load balancer writes before a client's own bytes, so that the server
 * knows whom it answers (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, 2.2). dns2 has a reader that
 * it keeps to itself.
 */
import { uint16 } from './header.ts';
import { textualAddress } from './options.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
/** Address families, by the high half of byte 13, and how long their addresses are. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 16 };

export type ProxyHeader =
  | { readonly is: 'absent' }
  /** What is there may become a header: more bytes are needed. */
  | { readonly is: 'incomplete' }
  | { readonly is: 'malformed' }
  /** `source` is the client's address; absent where the proxy speaks for itself (LOCAL), or hides it (UNSPEC). */
  | { readonly is: 'header'; readonly length: number; readonly source?: string };

export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const known = Math.min(bytes.length, SIGNATURE.length);
  if (bytes.compare(SIGNATURE, 0, known, 0, known) !== 0) return { is: 'absent' };
  if (bytes.length < FIXED_BYTES) return { is: 'incomplete' };
  const command = bytes[12]!;
  if (command !== 0x20 && command !== 0x21) return { is: 'malformed' };
  const rest = uint16(bytes, 14);
  const length = FIXED_BYTES + rest;
  if (bytes.length < length) return { is: 'incomplete' };
  const size = ADDRESS_BYTES[bytes[13]! >> 4];
  if (command === 0x20 || size === undefined) return { is: 'header', length };
  // Both addresses, then both ports.
  if (rest < 2 * size + 4) return { is: 'malformed' };
  return { is: 'header', length, source: textualAddress(bytes.subarray(FIXED_BYTES, FIXED_BYTES + size)) };
}
