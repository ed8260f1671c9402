/**
 * Writes names and records in wire form, with name compression (RFC 1035, 4.1.4).
 *
 * dns2's codec is not used for this: it has no HINFO, drops OPT when it truncates, does not tell where a
 * field ended up, and writes bit by bit (an answer of three records takes it 30 µs). Kept answers are
 * finished bytes that get their serial patched in place, and a section has to stop at the record that no longer
 * fits, so what is written must be known to the byte; the eight types of the zone are short work.
 */
import { ipBytes } from '../api/ip.ts';
import { RRType, type ResourceRecord } from '../zone/records.ts';
import { CLASS_IN, HEADER_BYTES, putUint16, putUint32 } from './header.ts';

/** Pointers have 14 bits: names further in cannot be pointed at. */
const POINTER_LIMIT = 0x4000;
const MAX_CHARACTER_STRING = 255;
const MAX_LABEL = 63;

export class MessageWriter {
  /** Offset of the next byte. */
  at = 0;
  /** Offset of the serial of the last SOA written; 0 while there is none. */
  serialAt = 0;
  readonly #bytes: Buffer;
  // A name's suffix, as "ns.svc.clusterset.local." → where it was written.
  readonly #names = new Map<string, number>();
  #limit = 0;

  /** @param bytes where messages are written to, over and over. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * Starts a message with a zeroed header and the question as it was asked, to the letter.
   * @param limit the most bytes that records may fill the message to
   */
  start(question: Uint8Array, labels: readonly string[], limit: number): void {
    this.#names.clear();
    this.serialAt = 0;
    this.#limit = limit;
    this.#bytes.fill(0, 0, HEADER_BYTES);
    this.#bytes.set(question, HEADER_BYTES);
    this.at = HEADER_BYTES + question.length;
    // The root and QTYPE and QCLASS follow the last label.
    let offset = this.at - 5;
    let suffix = '';
    for (const label of labels.toReversed()) {
      // A dot within a label would make it look like two: "a.b" is not the name a.b.
      if (label.includes('.')) break;
      suffix = `${label}.${suffix}`;
      offset -= label.length + 1;
      this.#names.set(suffix, offset);
    }
  }

  /** What was written so far, in a buffer of its own. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.at));
  }

  /** Writes records up to the first that does not fit. @returns how many were written */
  records(records: readonly ResourceRecord[]): number {
    let written = 0;
    for (const record of records) {
      const before = this.at;
      if (!this.#record(record)) {
        this.#undo(before);
        break;
      }
      written++;
    }
    return written;
  }

  #record(record: ResourceRecord): boolean {
    if (!this.#name(record.name) || !this.#room(10)) return false;
    const fixed = this.at;
    putUint16(this.#bytes, fixed, RRType[record.type]);
    putUint16(this.#bytes, fixed + 2, CLASS_IN);
    putUint32(this.#bytes, fixed + 4, record.ttl);
    this.at = fixed + 10;
    if (!this.#data(record)) return false;
    putUint16(this.#bytes, fixed + 8, this.at - fixed - 10);
    return true;
  }

  #data(record: ResourceRecord): boolean {
    switch (record.type) {
      case 'A':
      case 'AAAA':
        return this.#raw(ipBytes(record.address));
      case 'NS':
      case 'PTR':
        return this.#name(record.target);
      case 'TXT':
        return this.#text(record.text);
      case 'HINFO':
        return (
          this.#characterString(Buffer.from(record.cpu)) && this.#characterString(Buffer.from(record.os))
        );
      case 'SRV':
        if (!this.#room(6)) return false;
        putUint16(this.#bytes, this.at, record.priority);
        putUint16(this.#bytes, this.at + 2, record.weight);
        putUint16(this.#bytes, this.at + 4, record.port);
        this.at += 6;
        // RFC 2782: the target is not compressed.
        return this.#name(record.target, false);
      case 'SOA': {
        if (!this.#name(record.primary) || !this.#name(record.mailbox) || !this.#room(20)) return false;
        this.serialAt = this.at;
        const { serial, refresh, retry, expire, minimum } = record;
        for (const [index, value] of [serial, refresh, retry, expire, minimum].entries()) {
          putUint32(this.#bytes, this.at + 4 * index, value);
        }
        this.at += 20;
        return true;
      }
      default:
        record satisfies never;
        return false;
    }
  }

  /** TXT as one or more strings of up to 255 bytes (RFC 1035, 3.3.14). */
  #text(text: string): boolean {
    const bytes = Buffer.from(text);
    let start = 0;
    do {
      if (!this.#characterString(bytes.subarray(start, start + MAX_CHARACTER_STRING))) return false;
      start += MAX_CHARACTER_STRING;
    } while (start < bytes.length);
    return true;
  }

  #characterString(bytes: Uint8Array): boolean {
    if (!this.#room(1 + bytes.length)) return false;
    this.#bytes[this.at] = bytes.length;
    this.at++;
    return this.#raw(bytes);
  }

  #raw(bytes: Uint8Array): boolean {
    if (!this.#room(bytes.length)) return false;
    this.#bytes.set(bytes, this.at);
    this.at += bytes.length;
    return true;
  }

  #name(name: string, compress = true): boolean {
    let rest = name === '.' ? '' : name;
    while (rest !== '') {
      const known = this.#names.get(rest);
      if (known === undefined) {
        if (this.at < POINTER_LIMIT) this.#names.set(rest, this.at);
      } else if (compress) {
        if (!this.#room(2)) return false;
        putUint16(this.#bytes, this.at, 0xc000 | known);
        this.at += 2;
        return true;
      }
      const dot = rest.indexOf('.');
      if (dot < 1 || dot > MAX_LABEL) {
        throw new Error(`Cannot encode "${name}": labels have 1 to ${MAX_LABEL} letters and end with a dot`);
      }
      if (!this.#room(1 + dot)) return false;
      this.#bytes[this.at] = dot;
      this.#bytes.write(rest, this.at + 1, dot, 'latin1');
      this.at += 1 + dot;
      rest = rest.slice(dot + 1);
    }
    if (!this.#room(1)) return false;
    this.#bytes[this.at] = 0;
    this.at++;
    return true;
  }

  #room(bytes: number): boolean {
    return this.at + bytes <= this.#limit;
  }

  /** Takes back a record that was begun, and the names that point into it. */
  #undo(to: number): void {
    this.at = to;
    if (this.serialAt >= to) this.serialAt = 0;
    for (const [name, offset] of this.#names) if (offset >= to) this.#names.delete(name);
  }
}
