/**
 * A finished answer as 32-bit words, which is how tables hold it and workers are sent it: four words of sizes and
 * counts, then the records and right behind them the OPT record, padded to whole words.
 */
import { BARE_OPT } from '../edns.ts';
import type { Finished } from '../encode.ts';
import { At, uint16 } from '../header.ts';

/** Which word holds what; two halves of 16 bits each, the lower one first. */
export const BlockAt = {
  /** Bytes of all records, and of those that go out whole or not at all. */
  sizes: 0,
  /** Bytes of the OPT record, and offset of an SOA's serial from the first record; 0 = none. */
  extras: 1,
  /** Bytes 2 and 3 of the header, and the number of additional records without OPT. */
  header: 2,
  /** Numbers of answers and of authorities. */
  counts: 3,
  records: 4,
} as const;

/** A size that stands for "more than goes over UDP": such records are not kept. */
export const TOO_LARGE = 0xffff;

export const words = (bytes: number): number => (bytes + 3) >>> 2;

/**
 * @param questionEnd where the records start
 * @param limit bytes of records beyond which they are not kept
 */
export function encodeBlock(finished: Finished, questionEnd: number, limit: number): Int32Array {
  const { bytes, coreEnd, additionals, serialAt } = finished;
  const core = coreEnd - questionEnd;
  const fits = core <= limit;
  const whole = bytes.length - questionEnd <= limit;
  const records = bytes.subarray(questionEnd, whole ? bytes.length : coreEnd);
  // As in `writeFinished`: the text of an error goes before the additional records do.
  const opt = whole ? finished.opt : BARE_OPT;
  const block = new Int32Array(BlockAt.records + (fits ? words(records.length + opt.length) : 0));
  block[BlockAt.sizes] = fits ? pair(records.length, core) : pair(TOO_LARGE, TOO_LARGE);
  block[BlockAt.extras] = pair(fits ? opt.length : 0, serialAt === 0 ? 0 : serialAt - questionEnd);
  block[BlockAt.header] = pair(bytes[2]! | (bytes[3]! << 8), whole ? additionals : 0);
  block[BlockAt.counts] = pair(uint16(bytes, At.answers), uint16(bytes, At.authorities));
  if (fits) {
    const into = new Uint8Array(block.buffer, 4 * BlockAt.records);
    into.set(records);
    into.set(opt, records.length);
  }
  return block;
}

/** Whether a block stands for records that go over TCP alone. */
export const isTooLarge = (block: Int32Array): boolean => (block[BlockAt.sizes]! & 0xffff) === TOO_LARGE;

const pair = (low: number, high: number): number => low | (high << 16);
