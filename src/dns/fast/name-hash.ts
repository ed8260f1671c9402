/** Hashes and compares names as they stand in packets, four bytes at a time, without regard to the letters' case. */

/**
 * Upper and lower case are alike with this bit set. So are a few other pairs of bytes, which only makes
 * names with them share a hash.
 */
const FOLD = 0x20;
const FOLD_WORD = 0x2020_2020;

/** ASCII upper case to lower case, every other byte to itself (RFC 4343). */
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));

/**
 * @param view holds the name in wire form from `start` to `end`, its final zero byte included
 * @param seed unknown to whoever sends names, so that none can be chosen to collide
 * @returns 32 bits with a sign
 */
export function nameHash(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed;
  let at = start;
  for (const last = end - 4; at <= last; at += 4) {
    hash = Math.imul(hash ^ (view.getInt32(at, true) | FOLD_WORD), 0x85eb_ca6b);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ (view.getUint8(at) | FOLD), 0xc2b2_ae35);
  return finalMix(hash ^ (end - start));
}

/** The hash of a question: every type of a name has another. */
export const questionHash = (ofName: number, type: number): number =>
  finalMix(ofName ^ Math.imul(type, 0x9e37_79b1));

/** MurmurHash3's last step: what differs in one bit differs in half of them after it. */
export function finalMix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** Whether `length` bytes of a name are, but for the case of letters, those of a lower-cased one. */
export function sameName(
  asked: DataView,
  start: number,
  lower: DataView,
  lowerStart: number,
  length: number,
): boolean {
  let index = 0;
  for (const last = length - 4; index <= last; index += 4) {
    if (asked.getInt32(start + index, true) === lower.getInt32(lowerStart + index, true)) continue;
    for (let byte = index; byte < index + 4; byte++) {
      if (LOWER[asked.getUint8(start + byte)]! !== lower.getUint8(lowerStart + byte)) return false;
    }
  }
  for (; index < length; index++) {
    if (LOWER[asked.getUint8(start + index)]! !== lower.getUint8(lowerStart + index)) return false;
  }
  return true;
}
