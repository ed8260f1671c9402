/** Writes responses into the transport's buffer: from finished bytes, cut to size, or an error alone. */
import { BARE_OPT, OptAt, OPTION_PADDING } from './edns.ts';
import type { Finished } from './encode.ts';
import { At, Flag, HEADER_BYTES, putUint16, putUint32, type Rcode, uint16 } from './header.ts';
import type { Options } from './options.ts';
import type { Request } from './request.ts';

/** RFC 8467, 4.1: responses that are padded are padded to a multiple of this many bytes. */
const PADDING_BLOCK = 468;

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
  options: Options,
  out: Buffer,
  limit: number,
): number {
  const { bytes } = finished;
  let end = bytes.length;
  let { additionals } = finished;
  let opt: Buffer | undefined;
  if (request.edns) {
    opt = finished.opt;
    if (end + opt.length + options.length > limit) opt = BARE_OPT;
    limit -= opt.length + options.length;
  }
  if (end > limit) {
    end = finished.coreEnd;
    additionals = 0;
    if (end > limit) return -writeTruncated(query, request, options, bytes[2]!, out);
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
  return writeOpt(opt, request.dnssecOk, options, out, end);
}

/** @param flags byte 2 of the answer in full @returns the length of the response */
export function writeTruncated(
  query: Uint8Array,
  request: Request,
  options: Options,
  flags: number,
  out: Buffer,
): number {
  return writeEmpty(query, request, options, flags | Flag.truncated, 0, BARE_OPT, out);
}

/**
 * Writes a response that is an error code alone, with the question where it was readable, and OPT where
 * the client sent one.
 * @param opt the OPT record, which may say why
 * @returns its length
 */
export function writeError(
  query: Uint8Array,
  request: Request,
  options: Options,
  rcode: Rcode,
  opt: Buffer,
  out: Buffer,
): number {
  return writeEmpty(query, request, options, Flag.response | (query[2]! & Flag.opcode), rcode, opt, out);
}

function writeEmpty(
  query: Uint8Array,
  request: Request,
  options: Options,
  flags: number,
  rcode: number,
  opt: Buffer,
  out: Buffer,
): number {
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
  const start = end;
  end = writeOpt(opt, request.dnssecOk, options, out, end);
  out[start + OptAt.extendedRcode] = rcode >> 4;
  return end;
}

/** RFC 3225, 3: the DO bit comes back as it was sent. */
export function writeOpt(opt: Buffer, dnssecOk: boolean, options: Options, out: Buffer, at: number): number {
  out.set(opt, at);
  if (dnssecOk) out[at + OptAt.dnssecOk] = 0x80;
  let end = at + opt.length;
  if (options.length === 0 && !options.padded) return end;
  out.set(options.bytes.subarray(0, options.length), end);
  end += options.length;
  if (options.padded) end = pad(out, end);
  putUint16(out, at + OptAt.length, uint16(out, at + OptAt.length) + end - at - opt.length);
  return end;
}

function pad(out: Buffer, at: number): number {
  const data = at + 4;
  const end = Math.min(Math.ceil(data / PADDING_BLOCK) * PADDING_BLOCK, out.length);
  if (end < data) return at;
  putUint16(out, at, OPTION_PADDING);
  putUint16(out, at + 2, end - data);
  out.fill(0, data, end);
  return end;
}
