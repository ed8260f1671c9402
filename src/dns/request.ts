/**
 * Reads a query straight from its bytes: accept or refuse on the header, then the question, then whatever
 * records follow, of which only OPT matters. Nothing is allocated; the result goes into one
 * {@link Request} that its owner uses again for the next packet.
 */
import { At, CLASS_CH, CLASS_IN, Flag, HEADER_BYTES, uint16 } from './header.ts';

/**
 * What is to become of a message: `query` is to be answered, `drop` gets no answer, `chaos` asks for the server
 * itself and `transfer` for a whole zone, which both may be refused; the others are answered with the error code of
 * that name.
 */
export type Verdict = 'query' | 'drop' | 'formerr' | 'notimp' | 'badvers' | 'refused' | 'chaos' | 'transfer';

/** Longest name on the wire, the root's zero byte included (RFC 1035, 2.3.4). */
const MAX_NAME = 255;
const MAX_LABEL = 63;
/** Least size of UDP messages that everybody takes; smaller EDNS sizes mean this one (RFC 6891, 6.2.3). */
const CLASSIC_UDP_SIZE = 512;

const TYPE_OPT = 41;
export const TYPE_TSIG = 250;
/** Zone transfers, and MAILB and MAILA that stand between them and ANY. */
export const TYPE_IXFR = 251;
const TYPE_AXFR = 252;
const DNSSEC_OK = 0x80;

/**
 * The most records that a query has reason to carry: one SOA in the authority section (IXFR), one in the
 * answer section (NOTIFY), and OPT and TSIG in the additional section. One more is let through to see
 * the second OPT.
 */
const MAX_ANSWERS = 1;
const MAX_AUTHORITIES = 1;
const MAX_ADDITIONALS = 3;

/** ASCII upper case to lower case, every other byte to itself (RFC 4343). */
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));

/** What was read of one message. Fields keep the last message's values where the verdict came before them. */
export class Request {
  /** Offset of the byte after the question; 0 while no question was readable. */
  questionEnd = 0;
  type = 0;
  /** Whether the message has an OPT record, and what it says. */
  edns = false;
  dnssecOk = false;
  /** Where its options are, in EDNS version 0; both 0 = there are none. */
  optionsAt = 0;
  optionsEnd = 0;
  /** Offset of the TSIG record, which ends the message; 0 = there is none. */
  tsigAt = 0;
  /** Largest UDP answer that the client takes, in bytes; at least 512. */
  udpSize = CLASSIC_UDP_SIZE;
  /** The name in wire form with ASCII letters lower-cased, then the type: equal for equal questions. */
  readonly key = Buffer.alloc(MAX_NAME + 2);
  keyLength = 0;

  /** The question's labels as {@link Question} wants them. */
  labels(): string[] {
    const labels: string[] = [];
    for (let at = 0; this.key[at] !== 0; at += this.key[at]! + 1) {
      labels.push(this.key.toString('latin1', at + 1, at + 1 + this.key[at]!));
    }
    return labels;
  }
}

/** Reads the first `length` bytes of `message` into `request`. Never throws. */
export function readRequest(message: Uint8Array, length: number, request: Request): Verdict {
  request.questionEnd = 0;
  request.edns = false;
  request.dnssecOk = false;
  request.optionsAt = 0;
  request.optionsEnd = 0;
  request.tsigAt = 0;
  request.udpSize = CLASSIC_UDP_SIZE;
  if (length < HEADER_BYTES) return 'drop';
  const flags = message[2]!;
  if ((flags & Flag.response) !== 0) return 'drop';
  if ((flags & Flag.opcode) !== 0) return 'notimp';
  if (uint16(message, At.questions) !== 1) return 'formerr';

  const afterName = readName(message, length, request);
  if (afterName === 0 || afterName + 4 > length) return 'formerr';
  request.questionEnd = afterName + 4;
  request.type = uint16(message, afterName);
  request.key[request.keyLength] = message[afterName]!;
  request.key[request.keyLength + 1] = message[afterName + 1]!;
  request.keyLength += 2;

  const answers = uint16(message, At.answers);
  const authorities = uint16(message, At.authorities);
  const additionals = uint16(message, At.additionals);
  let version = 0;
  if ((answers | authorities | additionals) !== 0) {
    if (answers > MAX_ANSWERS || authorities > MAX_AUTHORITIES || additionals > MAX_ADDITIONALS) {
      return 'formerr';
    }
    version = readRecords(message, length, answers + authorities, additionals, request);
    if (version < 0) return 'formerr';
  } else if (request.questionEnd !== length) {
    return 'formerr';
  }
  if (request.type === TYPE_OPT) return 'formerr';
  if (version !== 0) return 'badvers';
  const asked = uint16(message, afterName + 2);
  if (asked !== CLASS_IN) return asked === CLASS_CH ? 'chaos' : 'refused';
  if (request.type === TYPE_AXFR || request.type === TYPE_IXFR) return 'transfer';
  return 'query';
}

/**
 * Reads the name after the header and keeps it lower-cased as the request's key.
 * A pointer there could only lead into the header or to itself, so any is an error.
 * @returns the offset after the name, or 0 where it is none
 */
function readName(message: Uint8Array, length: number, request: Request): number {
  const key = request.key;
  // The name with its final zero byte has to end at or before this offset.
  const limit = Math.min(length, HEADER_BYTES + MAX_NAME);
  let at = HEADER_BYTES;
  for (;;) {
    if (at >= limit) return 0;
    const label = message[at]!;
    key[at - HEADER_BYTES] = label;
    at++;
    if (label === 0) break;
    if (label > MAX_LABEL) return 0;
    const end = at + label;
    if (end >= limit) return 0;
    for (; at < end; at++) key[at - HEADER_BYTES] = LOWER[message[at]!]!;
  }
  request.keyLength = at - HEADER_BYTES;
  return at;
}

/**
 * Walks over the records after the question, which have to fill the message exactly, reads OPT and finds TSIG.
 * @returns the EDNS version asked for (0 without OPT), or -1 where the message is malformed
 */
function readRecords(
  message: Uint8Array,
  length: number,
  before: number,
  additionals: number,
  request: Request,
): number {
  let at = request.questionEnd;
  let version = 0;
  for (let index = 0; index < before + additionals; index++) {
    const owner = at;
    at = skipName(message, length, at);
    if (at === 0 || at + 10 > length) return -1;
    const type = uint16(message, at);
    const data = at + 10;
    const dataEnd = data + uint16(message, at + 8);
    if (dataEnd > length) return -1;
    if (type === TYPE_OPT) {
      // RFC 6891, 6.1.1: at most one, in the additional section, owned by the root.
      if (request.edns || index < before || message[owner] !== 0) return -1;
      request.edns = true;
      request.udpSize = Math.max(uint16(message, at + 2), CLASSIC_UDP_SIZE);
      version = message[at + 5]!;
      request.dnssecOk = (message[at + 6]! & DNSSEC_OK) !== 0;
      if (version === 0 && dataEnd > data) {
        if (!optionsFit(message, data, dataEnd)) return -1;
        request.optionsAt = data;
        request.optionsEnd = dataEnd;
      }
    }
    if (type === TYPE_TSIG) {
      // RFC 8945, 5.1: the last record of the additional section, and so the only one.
      if (additionals === 0 || index !== before + additionals - 1) return -1;
      request.tsigAt = owner;
    }
    at = dataEnd;
  }
  return at === length ? version : -1;
}

/** The offset after a name that may end in a pointer; 0 where it is malformed. Pointers are not followed. */
function skipName(message: Uint8Array, length: number, start: number): number {
  let at = start;
  while (at < length && at - start < MAX_NAME) {
    const label = message[at]!;
    if (label === 0) return at + 1;
    if (label >= 0xc0) {
      // A pointer leads to an earlier name (RFC 1035, 4.1.4): forwards or to itself it would be a loop.
      if (at + 2 > length || (uint16(message, at) & 0x3fff) >= start) return 0;
      return at + 2;
    }
    if (label > MAX_LABEL) return 0;
    at += label + 1;
  }
  return 0;
}

/** Whether the options of an OPT record fill its data exactly (RFC 6891, 6.1.2). Unknown ones are ignored. */
function optionsFit(message: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at + 4 <= end) at += 4 + uint16(message, at + 2);
  return at === end;
}
