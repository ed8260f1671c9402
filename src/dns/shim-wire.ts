/**
 * What Pharos's CoreDNS plugin and this server say to each other beside plain DNS, in bytes. The other end is
 * coredns-plugin-shim/{answer,session}.go; docs/explanation/exact-cache.md says why it is so.
 */
import { crc32 } from 'node:zlib';
import type { Answer, Dependency } from '../zone/records.ts';
import { OWN_UDP_SIZE } from './edns.ts';
import { At, Flag, HEADER_BYTES, putUint16, putUint32, uint16 } from './header.ts';
import { textualIp } from './textual-ip.ts';

/** The EDNS option, of the range for local use (RFC 6891, 9), in the queries of plugins and the answers to them. */
const OPTION_SHIM = 65_313;
const OPTION_VERSION = 1;
const TYPE_OPT = 41;
const OPT_FIXED_BYTES = 11;
const OPTION_HEAD_BYTES = 4;
/** Version, turn, family. */
const QUERY_DATA_BYTES = 6;
/** Version, flags, generation, dependency, period, offset of the serial. */
const PROMISE_DATA_BYTES = 20;
const FLAG_KEEP = 1;

/** Bytes of the OPT record that {@link writePromise} writes, beside the answer's own options. */
export const PROMISE_OPT_BYTES = OPT_FIXED_BYTES + OPTION_HEAD_BYTES + PROMISE_DATA_BYTES;

/** DNS Stateful Operations (RFC 8490): the opcode in place, a TLV of its own, and three for private use (10.3). */
const OPCODE_DSO = 6 << 3;
const Tlv = { retryDelay: 0x0002, session: 0xf801, changed: 0xf802, probe: 0xf803 } as const;
const TLV_HEAD_BYTES = 4;
const SESSION_VERSION = 1;
const FLAG_RESUMED = 1;
const FLAG_ALL = 1;

/** Changes that one message takes at most: its length has 16 bits. */
export const MAX_CHANGES = 16_000;

/** What a plugin adds to a query. */
export interface ShimQuery {
  /** Which of the answers that a question has by turns is wanted. */
  readonly turn: number;
  /** Who asks the plugin; absent where it has no address. */
  readonly client?: string;
}

/** The plugin's option in a query whose only record is OPT, as plugins send them; undefined = none that is well formed. */
export function readShimQuery(query: Buffer, questionEnd: number): ShimQuery | undefined {
  if (query.length < questionEnd + OPT_FIXED_BYTES) return undefined;
  if (query[questionEnd] !== 0 || uint16(query, questionEnd + 1) !== TYPE_OPT) return undefined;
  for (let at = questionEnd + OPT_FIXED_BYTES; at + OPTION_HEAD_BYTES <= query.length;) {
    const data = at + OPTION_HEAD_BYTES;
    const end = data + uint16(query, at + 2);
    if (uint16(query, at) === OPTION_SHIM) return readQueryData(query.subarray(data, end));
    at = end;
  }
  return undefined;
}

function readQueryData(data: Buffer): ShimQuery | undefined {
  if (data.length < QUERY_DATA_BYTES || data[0] !== OPTION_VERSION) return undefined;
  const turn = data.readUInt32BE(1);
  const address = data.subarray(QUERY_DATA_BYTES);
  const family = data[5];
  if (family === 0) return address.length === 0 ? { turn } : undefined;
  const fits = (family === 1 && address.length === 4) || (family === 2 && address.length === 16);
  return fits ? { turn, client: textualIp(address) } : undefined;
}

/** What is promised about an answer. */
export interface Promised {
  readonly keep: boolean;
  readonly generation: number;
  /** See {@link dependencyId}. */
  readonly dependency: number;
  readonly period: number;
  readonly serialAt: number;
}

/** Whether an answer may be kept until what it depends on changes: not what is for one client, and no refusals. */
export function mayKeep(answer: Answer): boolean {
  switch (answer.kind) {
    case 'records':
      return !answer.perClient;
    case 'nodata':
    case 'nxdomain':
      return true;
    case 'refused':
    case 'not-synced':
      return false;
    default:
      return answer satisfies never;
  }
}

/**
 * What changes are announced by: a number for each dependency. Two may have the same one, and are
 * then dropped together; 0 = nothing that changes. The apex changes with its serial alone, which announcements carry.
 */
export function dependencyId(dependency: Dependency): number {
  return dependency === 'apex' ? 0 : Math.max(crc32(dependency), 1);
}

/**
 * Writes an OPT record with what is promised, and the answer's own options behind it.
 * @param opt the answer's own OPT record
 * @returns the offset after it
 */
export function writePromise(promised: Promised, opt: Buffer, out: Buffer, at: number): number {
  const options = opt.subarray(OPT_FIXED_BYTES);
  out.fill(0, at, at + PROMISE_OPT_BYTES);
  putUint16(out, at + 1, TYPE_OPT);
  putUint16(out, at + 3, OWN_UDP_SIZE);
  putUint16(out, at + 9, OPTION_HEAD_BYTES + PROMISE_DATA_BYTES + options.length);
  let to = at + OPT_FIXED_BYTES;
  putUint16(out, to, OPTION_SHIM);
  putUint16(out, to + 2, PROMISE_DATA_BYTES);
  to += OPTION_HEAD_BYTES;
  out[to] = OPTION_VERSION;
  out[to + 1] = promised.keep ? FLAG_KEEP : 0;
  putUint64(out, to + 2, promised.generation);
  putUint32(out, to + 10, promised.dependency);
  putUint32(out, to + 14, promised.period);
  putUint16(out, to + 18, promised.serialAt);
  to += PROMISE_DATA_BYTES;
  out.set(options, to);
  return to + options.length;
}

/** A message of a session, as far as it is one to act on. */
export type SessionMessage =
  | { readonly is: 'none' | 'malformed' | 'unknown' | 'probe' }
  /** Opens a session; epoch and generation are what the plugin knew last, '0…' and 0 = nothing. */
  | { readonly is: 'session'; readonly epoch: string; readonly generation: number };

/** Reads a request of a session; `none` = it is no message of DSO. */
export function readSessionMessage(message: Buffer): SessionMessage {
  if (message.length < HEADER_BYTES || (message[2]! & (Flag.response | Flag.opcode)) !== OPCODE_DSO) {
    return { is: 'none' };
  }
  // RFC 8490, 5.4: all counts are zero, and a request has a TLV.
  const body = HEADER_BYTES + TLV_HEAD_BYTES;
  if (message.length < body || message.readBigUInt64BE(At.questions) !== 0n) return { is: 'malformed' };
  const data = message.subarray(body, body + uint16(message, HEADER_BYTES + 2));
  switch (uint16(message, HEADER_BYTES)) {
    case Tlv.probe:
      return { is: 'probe' };
    case Tlv.session: {
      if (data.length !== 17 || data[0] !== SESSION_VERSION) return { is: 'malformed' };
      const generation = data.readUInt32BE(9) * 2 ** 32 + data.readUInt32BE(13);
      return { is: 'session', epoch: data.toString('hex', 1, 9), generation };
    }
    default:
      return { is: 'unknown' };
  }
}

/** What has changed since a generation: everything, or these. */
export interface Changes {
  readonly generation: number;
  readonly serial: number;
  readonly changed: 'all' | readonly number[];
}

/**
 * Consents to a session.
 * @param missed what has changed since the generation that the plugin named, `all` = that cannot be said
 * @returns its length
 */
export function writeWelcome(request: Buffer, epoch: string, missed: Changes, out: Buffer): number {
  const ids = missed.changed === 'all' ? [] : missed.changed;
  let at = writeHead(Flag.response, uint16(request, At.id), Tlv.session, 22 + 4 * ids.length, out);
  out[at] = SESSION_VERSION;
  out[at + 1] = missed.changed === 'all' ? 0 : FLAG_RESUMED;
  out.write(epoch, at + 2, 'hex');
  putUint64(out, at + 10, missed.generation);
  putUint32(out, at + 18, missed.serial);
  at += 22;
  for (const id of ids) {
    putUint32(out, at, id);
    at += 4;
  }
  return at;
}

/** Answers a request with a code alone. @returns its length */
export function writeSessionCode(request: Buffer, code: number, out: Buffer): number {
  out.fill(0, 0, HEADER_BYTES);
  request.copy(out, 0, 0, 2);
  out[2] = Flag.response | OPCODE_DSO;
  out[3] = code;
  return HEADER_BYTES;
}

/** An announcement, with the length before it. */
export function announcement({ generation, serial, changed }: Changes): Buffer {
  const ids = changed === 'all' ? [] : changed;
  const message = Buffer.alloc(HEADER_BYTES + TLV_HEAD_BYTES + 13 + 4 * ids.length);
  let at = writeHead(0, 0, Tlv.changed, 13 + 4 * ids.length, message);
  message[at] = changed === 'all' ? FLAG_ALL : 0;
  putUint64(message, at + 1, generation);
  putUint32(message, at + 9, serial);
  at += 13;
  for (const id of ids) {
    putUint32(message, at, id);
    at += 4;
  }
  return framed(message);
}

/** RFC 8490, 6.6.1: asks the plugin to go elsewhere, with the length before it. */
export function retryDelay(milliseconds: number): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + TLV_HEAD_BYTES + 4);
  putUint32(message, writeHead(0, 0, Tlv.retryDelay, 4, message), milliseconds);
  return framed(message);
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  putUint16(prefix, 0, message.length);
  return Buffer.concat([prefix, message]);
}

/** @returns where the TLV's data goes */
function writeHead(flags: number, id: number, tlv: number, length: number, out: Buffer): number {
  out.fill(0, 0, HEADER_BYTES);
  putUint16(out, At.id, id);
  out[2] = flags | OPCODE_DSO;
  putUint16(out, HEADER_BYTES, tlv);
  putUint16(out, HEADER_BYTES + 2, length);
  return HEADER_BYTES + TLV_HEAD_BYTES;
}

/** `value` is a whole number below 2^53. */
function putUint64(out: Buffer, at: number, value: number): void {
  putUint32(out, at, Math.floor(value / 2 ** 32));
  putUint32(out, at + 4, value >>> 0);
}
