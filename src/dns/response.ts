/** Writes responses into the transport's buffer: from finished bytes, cut to size, or an error alone. */
import { BARE_OPT, OptAt } from './edns.ts';
import type { Finished } from './encode.ts';
import { At, Flag, HEADER_BYTES, putUint16, putUint32, type Rcode } from './header.ts';
import type { Request } from './request.ts';

/**
 * Writes `finished` as the response to a query.
 *
 * Where it is over `limit`, first the text of an Extended DNS Error goes, then the additional section
 * (RFC 2181, 9: neither is reason for TC); an answer that still does not fit is not sent in parts: TC is set
 * and all sections are empty, so that clients ask again over TCP.
 *
 * @param limit the most bytes to write, at least 512
 * @returns the length of the response, negative where it was truncated
 */
export function writeFinished(
  finished: Finished,
  serial: number,
  query: Uint8Array,
  request: Request,
  out: Buffer,
  limit: number,
): number {
  const { bytes } = finished;
  let end = bytes.length;
  let { additionals } = finished;
  let opt: Buffer | undefined;
  if (request.edns) {
    opt = finished.opt;
    if (end + opt.length > limit) opt = BARE_OPT;
    limit -= opt.length;
  }
  if (end > limit) {
    end = finished.coreEnd;
    additionals = 0;
    if (end > limit) return -writeTruncated(query, request, bytes[2]!, out);
  }
  out.set(end === bytes.length ? bytes : bytes.subarray(0, end), 0);
  out[0] = query[0]!;
  out[1] = query[1]!;
  out[2]! |= query[2]! & Flag.recursion;
  // RFC 1035 lets a server change the case of the question; resolvers that check it (0x20) do not.
  for (let at = HEADER_BYTES; at < request.questionEnd; at++) out[at] = query[at]!;
  if (finished.serialAt !== 0) putUint32(out, finished.serialAt, serial);
  if (opt === undefined) {
    if (additionals !== finished.additionals) putUint16(out, At.additionals, additionals);
    return end;
  }
  putUint16(out, At.additionals, additionals + 1);
  return writeOpt(opt, request.dnssecOk, out, end);
}

/** @param flags byte 2 of the answer in full @returns the length of the response */
export function writeTruncated(query: Uint8Array, request: Request, flags: number, out: Buffer): number {
  return writeEmpty(query, request, flags | Flag.truncated, 0, out);
}

/**
 * Writes a response that is an error code alone, with the question where it was readable, and OPT where
 * the client sent one. @returns its length
 */
export function writeError(query: Uint8Array, request: Request, rcode: Rcode, out: Buffer): number {
  return writeEmpty(query, request, Flag.response | (query[2]! & Flag.opcode), rcode, out);
}

function writeEmpty(query: Uint8Array, request: Request, flags: number, rcode: number, out: Buffer): number {
  out.fill(0, 0, HEADER_BYTES);
  out[0] = query[0]!;
  out[1] = query[1]!;
  out[2] = flags | (query[2]! & Flag.recursion);
  out[3] = rcode & 0x0f;
  let end = HEADER_BYTES;
  if (request.questionEnd !== 0) {
    out[At.questions + 1] = 1;
    for (; end < request.questionEnd; end++) out[end] = query[end]!;
  }
  if (!request.edns) return end;
  out[At.additionals + 1] = 1;
  const opt = end;
  end = writeOpt(BARE_OPT, request.dnssecOk, out, end);
  out[opt + OptAt.extendedRcode] = rcode >> 4;
  return end;
}

/** RFC 3225, 3: the DO bit comes back as it was sent. */
function writeOpt(opt: Buffer, dnssecOk: boolean, out: Buffer, at: number): number {
  out.set(opt, at);
  if (dnssecOk) out[at + OptAt.dnssecOk] = 0x80;
  return at + opt.length;
}
