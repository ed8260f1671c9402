/** What the server says of itself to those who ask in class CH: version.bind and id.server (RFC 4892). */
import { At, CLASS_CH, Flag, HEADER_BYTES, putUint16 } from './header.ts';
import type { Request } from './request.ts';

export interface Identity {
  readonly version: string;
  /** Which of the replicas this is. */
  readonly id: string;
}

const TYPE_TXT = 16;

/** The text that is asked for; undefined where class CH has no such name or type. */
export function identityText(identity: Identity, request: Request): string | undefined {
  if (request.type !== TYPE_TXT) return undefined;
  switch (request.labels().join('.')) {
    case 'version.bind':
    case 'version.server':
      return identity.version;
    case 'id.server':
    case 'hostname.bind':
      return identity.id;
    default:
      return undefined;
  }
}

/** Writes a response with one TXT record, all but its OPT. @returns its length */
export function writeIdentity(query: Uint8Array, request: Request, text: string, out: Buffer): number {
  const bytes = Buffer.from(text).subarray(0, 255);
  out.fill(0, 0, HEADER_BYTES);
  out[0] = query[0]!;
  out[1] = query[1]!;
  out[2] = Flag.response | Flag.authoritative | (query[2]! & Flag.recursion);
  putUint16(out, At.questions, 1);
  putUint16(out, At.answers, 1);
  for (let at = HEADER_BYTES; at < request.questionEnd; at++) out[at] = query[at]!;
  const at = request.questionEnd;
  putUint16(out, at, 0xc000 | HEADER_BYTES);
  putUint16(out, at + 2, TYPE_TXT);
  putUint16(out, at + 4, CLASS_CH);
  out.fill(0, at + 6, at + 10);
  putUint16(out, at + 10, 1 + bytes.length);
  out[at + 12] = bytes.length;
  out.set(bytes, at + 13);
  return at + 13 + bytes.length;
}
