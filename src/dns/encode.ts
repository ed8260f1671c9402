/** Encodes an answer as finished bytes: all that is left to do per query is to copy and to patch. */
import type { Answer, ResourceRecord } from '../zone/records.ts';
import { BARE_OPT, MAX_OPT_BYTES, optRecord } from './edns.ts';
import { At, Flag, MAX_MESSAGE, putUint16, Rcode } from './header.ts';
import type { MessageWriter } from './writer.ts';

/**
 * A response to every query with the same question, whatever its id, its letters' case, its size limit and
 * its OPT. Never changed once made.
 */
export interface Finished {
  /** Header (id 0, RD clear) with its counts, question, records; no OPT. */
  readonly bytes: Buffer;
  /** Where the additional section starts: what stands before it must be sent whole or not at all. */
  readonly coreEnd: number;
  readonly additionals: number;
  /** Offset of an SOA's serial, which must be the zone's own on every use; 0 = none. */
  readonly serialAt: number;
  /** The OPT record for clients that sent one. */
  readonly opt: Buffer;
}

/**
 * @param question the question's bytes, which come back unchanged
 * @param labels its labels, lower-cased
 * @param writer scratch space of {@link MAX_MESSAGE} bytes
 * Of records beyond 64 KiB the first that fit are kept.
 */
export function encodeAnswer(
  answer: Answer,
  question: Uint8Array,
  labels: readonly string[],
  writer: MessageWriter,
): Finished {
  writer.start(question, labels, MAX_MESSAGE - MAX_OPT_BYTES);
  const answers = answer.kind === 'records' ? writer.records(answer.answer) : 0;
  const authorities = 'soa' in answer ? writer.records([negativeSoa(answer.soa)]) : 0;
  const coreEnd = writer.at;
  // Additional records are a courtesy: they start only after all that was asked for.
  const additionals =
    answer.kind === 'records' && answers === answer.answer.length ? writer.records(answer.additional) : 0;
  const bytes = writer.finish();
  const { rcode, authoritative } = status(answer);
  bytes[2] = Flag.response | (authoritative ? Flag.authoritative : 0);
  bytes[3] = rcode;
  putUint16(bytes, At.questions, 1);
  putUint16(bytes, At.answers, answers);
  putUint16(bytes, At.authorities, authorities);
  putUint16(bytes, At.additionals, additionals);
  const opt = answer.ede === undefined ? BARE_OPT : optRecord(answer.ede);
  return { bytes, coreEnd, additionals, serialAt: writer.serialAt, opt };
}

function status(answer: Answer): { rcode: Rcode; authoritative: boolean } {
  switch (answer.kind) {
    case 'records':
    case 'nodata':
      return { rcode: Rcode.noError, authoritative: true };
    case 'nxdomain':
      return { rcode: Rcode.nxDomain, authoritative: true };
    case 'refused':
      return { rcode: Rcode.refused, authoritative: false };
    case 'not-synced':
      return { rcode: Rcode.servFail, authoritative: false };
    default:
      throw new Error(`No answer is of the kind ${JSON.stringify(answer satisfies never)}`);
  }
}

/** RFC 2308, 3 and 5: how long a negative answer holds is the lesser of the SOA's TTL and its minimum. */
function negativeSoa(soa: ResourceRecord): ResourceRecord {
  return soa.type === 'SOA' && soa.minimum < soa.ttl ? { ...soa, ttl: soa.minimum } : soa;
}
