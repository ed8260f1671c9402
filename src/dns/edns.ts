/** The OPT record that answers carry (RFC 6891) and the Extended DNS Error in it (RFC 8914). */
import type { ExtendedError } from '../zone/records.ts';
import { putUint16 } from './header.ts';

/**
 * The UDP size that Pharos advertises, and the most that it sends over UDP whatever the client would take:
 * what passes every path unfragmented (DNS Flag Day 2020).
 */
export const OWN_UDP_SIZE = 1232;

/** Offsets within an OPT record whose owner is the root, for what differs between two answers. */
export const OptAt = { extendedRcode: 5, dnssecOk: 7, length: 9 } as const;

/** Bytes of an OPT record without options. */
const BARE_BYTES = 11;
const OPTION_EDE = 15;
export const OPTION_PADDING = 12;
/** EXTRA-TEXT beyond this is cut: it is for people, and must not push answers over the client's size. */
const MAX_TEXT = 400;

/** An OPT record that says no more than the sizes; its bytes are never changed, only copied. */
export const BARE_OPT: Buffer = optRecord();

/** The longest OPT record that Pharos sends: room that is left for it in every message. */
export const MAX_OPT_BYTES = BARE_BYTES + 6 + MAX_TEXT;

/** An OPT record in wire form: version 0, no flags, with the given error where there is one. */
export function optRecord(error?: ExtendedError): Buffer {
  const text = Buffer.from(error?.text ?? '', 'utf8').subarray(0, MAX_TEXT);
  const options = error === undefined ? 0 : 6 + text.length;
  const record = Buffer.alloc(BARE_BYTES + options);
  record[2] = 41;
  putUint16(record, 3, OWN_UDP_SIZE);
  putUint16(record, 9, options);
  if (error !== undefined) {
    putUint16(record, BARE_BYTES, OPTION_EDE);
    putUint16(record, BARE_BYTES + 2, 2 + text.length);
    putUint16(record, BARE_BYTES + 4, error.code);
    text.copy(record, BARE_BYTES + 6);
  }
  return record;
}
