/**
 * Transaction signatures (RFC 8945) by HMAC-SHA256: only who has a key gets a zone, and what it gets is what was
 * sent. Secondaries sign whatever they ask, so that an ordinary query may have one as well.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { At, HEADER_BYTES, putUint16, uint16 } from './header.ts';
import { TYPE_TSIG } from './request.ts';
import type { Signing, TsigKey } from './tsig-keys.ts';

const CLASS_ANY = 255;
const MAX_LABEL = 63;

/** `hmac-sha256` in wire form. */
const ALGORITHM = Buffer.from('\x0bhmac-sha256\0', 'latin1');
const MAC_BYTES = 32;
/** RFC 8945, 5.2.2.1: one shorter than half is malformed. */
const MIN_MAC_BYTES = MAC_BYTES / 2;
/** How far two clocks may differ, as RFC 8945, 10, recommends; seconds. */
const FUDGE = 300;
const NOTHING: Buffer = Buffer.alloc(0);
/** Type, class and TTL of every record (RFC 8945, 4.2). */
const HEAD = uint16s(TYPE_TSIG, CLASS_ANY, 0, 0);

export const TsigError = { none: 0, badSig: 16, badKey: 17, badTime: 18, badTrunc: 22 } as const;
export type TsigError = (typeof TsigError)[keyof typeof TsigError];

/** What a record says beside the signature. Names are in wire form, lower case; times are seconds since 1970. */
interface Terms {
  readonly name: Buffer;
  readonly algorithm: Buffer;
  readonly time: number;
  readonly fudge: number;
  readonly error: number;
  readonly other: Buffer;
}

interface TsigRecord extends Terms {
  readonly mac: Buffer;
  readonly originalId: Buffer;
}

export interface Checked {
  readonly error: TsigError;
  /** Signs what is answered; after an error of key or MAC it says so without a signature. */
  readonly seal: Seal;
}

/**
 * Checks a query's signature in the order of RFC 8945, 5.2: key, MAC, time, length of the MAC.
 *
 * @param at where the record is, which must be the message's last
 * @returns undefined where the record is malformed
 */
export function checkTsig(message: Buffer, at: number, { keys, now }: Signing): Checked | undefined {
  const record = readRecord(message, at);
  if (record === undefined) return undefined;
  const { name, algorithm, mac, time, fudge } = record;
  // RFC 8945, 5.2.3: an error is told with the client's time, so that it knows which message is meant.
  const refusal = (error: TsigError, signedBy?: TsigKey, other = NOTHING): Checked => ({
    error,
    seal: new Seal(() => ({ name, algorithm, time, fudge, error, other }), signedBy, mac),
  });
  const key = keys().find((each) => each.name.equals(name));
  if (key === undefined || !algorithm.equals(ALGORITHM)) return refusal(TsigError.badKey);
  if (mac.length > MAC_BYTES || mac.length < MIN_MAC_BYTES) return undefined;
  if (!isSigned(message, at, record, key)) return refusal(TsigError.badSig);
  if (!isInTime(record, now())) return refusal(TsigError.badTime, key, uint48(now()));
  if (mac.length < MAC_BYTES) return refusal(TsigError.badTrunc, key);
  return { error: TsigError.none, seal: sealFor(key, now, mac) };
}

/** Whether a message is the answer to what was signed with `mac`, by a key of ours. */
export function isSealedAnswer(message: Buffer, { keys, now }: Signing, mac: Buffer): boolean {
  return keys().some((key) => {
    const at = message.length - recordBytes(key.name, ALGORITHM, MAC_BYTES, 0);
    const record = at < HEADER_BYTES ? undefined : readRecord(message, at);
    return (
      record?.name.equals(key.name) === true &&
      record.mac.length === MAC_BYTES &&
      isSigned(message, at, record, key, mac) &&
      isInTime(record, now())
    );
  });
}

/** @param requested the MAC of what is answered; none where nothing is */
export const sealFor = (key: TsigKey, now: () => number, requested = NOTHING): Seal =>
  new Seal(
    () => ({
      name: key.name,
      algorithm: ALGORITHM,
      time: now(),
      fudge: FUDGE,
      error: TsigError.none,
      other: NOTHING,
    }),
    key,
    requested,
  );

/** Signs one message after the other, each bound to the one before it (RFC 8945, 5.3.1). */
export class Seal {
  /** What a record takes, in bytes. */
  readonly bytes: number;
  readonly #terms: () => Terms;
  readonly #key: TsigKey | undefined;
  #mac: Buffer;
  #isFirst = true;

  /**
   * @param terms of the next message
   * @param key undefined = there is no signature
   * @param requested the MAC of what is answered
   */
  constructor(terms: () => Terms, key: TsigKey | undefined, requested: Buffer) {
    this.#terms = terms;
    this.#key = key;
    this.#mac = requested;
    const { name, algorithm, other } = terms();
    this.bytes = recordBytes(name, algorithm, key === undefined ? 0 : MAC_BYTES, other.length);
  }

  /** Of the last message. */
  get mac(): Buffer {
    return this.#mac;
  }

  /** Writes the record behind a message, into the same buffer. @returns where the message ends then */
  put(message: Buffer, end: number): number {
    const terms = this.#terms();
    const timers = timersOf(terms);
    if (this.#key === undefined) this.#mac = NOTHING;
    else {
      const covered = [message.subarray(0, end), this.#isFirst ? variablesOf(terms) : timers];
      this.#mac = macOf(this.#key, this.#mac.length === 0 ? covered : [sized(this.#mac), ...covered]);
      this.#isFirst = false;
    }
    const originalId = message.subarray(At.id, At.id + 2);
    const { name, algorithm, error, other } = terms;
    const data = [algorithm, timers, sized(this.#mac), originalId, uint16s(error), sized(other)];
    const record = [name, HEAD, sized(Buffer.concat(data))];
    message.set(Buffer.concat(record), end);
    putUint16(message, At.additionals, uint16(message, At.additionals) + 1);
    return end + this.bytes;
  }
}

/** The message with its signature, where there is one. */
export function sealed(message: Buffer, seal: Seal | undefined): Buffer {
  if (seal === undefined) return message;
  const whole = Buffer.concat([message, Buffer.alloc(seal.bytes)]);
  seal.put(whole, message.length);
  return whole;
}

function readRecord(message: Buffer, at: number): TsigRecord | undefined {
  const name = nameAt(message, at);
  if (name === undefined) return undefined;
  const fixed = at + name.length;
  const data = fixed + 10;
  if (data > message.length || !message.subarray(fixed, data - 2).equals(HEAD)) return undefined;
  const algorithm = nameAt(message, data);
  if (algorithm === undefined) return undefined;
  const timers = data + algorithm.length;
  const macAt = timers + 10;
  if (macAt > message.length) return undefined;
  const macEnd = macAt + uint16(message, macAt - 2);
  const otherAt = macEnd + 6;
  if (otherAt > message.length) return undefined;
  const end = otherAt + uint16(message, otherAt - 2);
  if (end !== message.length || end !== data + uint16(message, data - 2)) return undefined;
  return {
    name,
    algorithm,
    time: message.readUIntBE(timers, 6),
    fudge: uint16(message, timers + 6),
    mac: message.subarray(macAt, macEnd),
    originalId: message.subarray(macEnd, macEnd + 2),
    error: uint16(message, macEnd + 2),
    other: message.subarray(otherAt, end),
  };
}

/** A name that is written out, lower-cased; it must not be compressed (RFC 8945, 4.2). */
function nameAt(message: Buffer, at: number): Buffer | undefined {
  let end = at;
  while (end < message.length && end - at < 255) {
    const label = message[end]!;
    if (label > MAX_LABEL) return undefined;
    end += label + 1;
    if (label === 0) return Buffer.from(message.toString('latin1', at, end).toLowerCase(), 'latin1');
  }
  return undefined;
}

/** @param requested the MAC of what the message answers */
function isSigned(
  message: Buffer,
  at: number,
  record: TsigRecord,
  key: TsigKey,
  requested?: Buffer,
): boolean {
  // As it was before the record came to it (RFC 8945, 4.3.2).
  const bare = Buffer.from(message.subarray(0, at));
  bare.set(record.originalId, At.id);
  putUint16(bare, At.additionals, uint16(bare, At.additionals) - 1);
  const covered = [bare, variablesOf(record)];
  const mac = macOf(key, requested === undefined ? covered : [sized(requested), ...covered]);
  return timingSafeEqual(mac.subarray(0, record.mac.length), record.mac);
}

const isInTime = ({ time, fudge }: Terms, now: number): boolean => Math.abs(now - time) <= fudge;

/** RFC 8945, 4.3.3. */
const variablesOf = (terms: Terms): Buffer =>
  Buffer.concat([
    terms.name,
    uint16s(CLASS_ANY, 0, 0),
    terms.algorithm,
    timersOf(terms),
    uint16s(terms.error),
    sized(terms.other),
  ]);

const timersOf = ({ time, fudge }: Terms): Buffer => Buffer.concat([uint48(time), uint16s(fudge)]);

function macOf({ secret }: TsigKey, covered: readonly Buffer[]): Buffer {
  const hmac = createHmac('sha256', secret);
  for (const bytes of covered) hmac.update(bytes);
  return hmac.digest();
}

const recordBytes = (name: Buffer, algorithm: Buffer, mac: number, other: number): number =>
  name.length + 10 + algorithm.length + 16 + mac + other;

function uint16s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) putUint16(bytes, index * 2, value);
  return bytes;
}

function uint48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

const sized = (bytes: Buffer): Buffer => Buffer.concat([uint16s(bytes.length), bytes]);
