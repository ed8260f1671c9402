/**
 * Messages of strongSwan's vici protocol, as its README.md defines them: a section holds key/value pairs,
 * lists and sections. Values are bytes; Pharos's are all text, which is read and written as UTF-8.
 */

export interface ViciSection {
  readonly [key: string]: ViciValue;
}
export type ViciValue = string | readonly string[] | ViciSection;

const SECTION_START = 1;
const SECTION_END = 2;
const KEY_VALUE = 3;
const LIST_START = 4;
const LIST_ITEM = 5;
const LIST_END = 6;

/** Deeper than any message of charon's; hostile bytes must not exhaust the stack. */
const MAX_DEPTH = 32;

/** Bytes that are no vici message. */
export class ViciFormatError extends Error {
  override readonly name = 'ViciFormatError';
  readonly code = 'vici-format';
}

/** @throws ViciFormatError where a key is longer than 255 bytes, or a value than 65,535 */
export function encodeMessage(message: ViciSection): Buffer {
  const parts: Buffer[] = [];
  encodeSection(message, parts);
  return Buffer.concat(parts);
}

function encodeSection(section: ViciSection, parts: Buffer[]): void {
  for (const [key, value] of Object.entries(section)) {
    if (typeof value === 'string') parts.push(Buffer.of(KEY_VALUE), short(key), long(value));
    else if (isList(value)) {
      parts.push(Buffer.of(LIST_START), short(key));
      for (const item of value) parts.push(Buffer.of(LIST_ITEM), long(item));
      parts.push(Buffer.of(LIST_END));
    } else {
      parts.push(Buffer.of(SECTION_START), short(key));
      encodeSection(value, parts);
      parts.push(Buffer.of(SECTION_END));
    }
  }
}

const isList = (value: ViciValue): value is readonly string[] => Array.isArray(value);

/** With a length of one byte: names of keys, commands and events. */
export function short(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 0xff) throw new ViciFormatError(`A name of ${bytes.length} bytes is too long for vici`);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function long(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 0xffff)
    throw new ViciFormatError(`A value of ${bytes.length} bytes is too long for vici`);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** @throws ViciFormatError that says where the bytes are no message */
export function decodeMessage(bytes: Buffer): ViciSection {
  let at = 0;
  const fail = (what: string): never => {
    throw new ViciFormatError(`Byte ${at} of a vici message: ${what}`);
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) fail('the message ends too early');
    return bytes.subarray(at, (at += length));
  };
  const name = (): string => take(take(1).readUInt8()).toString();
  const value = (): string => take(take(2).readUInt16BE()).toString();
  const list = (): string[] => {
    const items: string[] = [];
    for (;;) {
      const type = take(1).readUInt8();
      if (type === LIST_END) return items;
      if (type !== LIST_ITEM) fail(`type ${type} in a list`);
      items.push(value());
    }
  };
  const section = (depth: number): ViciSection => {
    if (depth > MAX_DEPTH) fail('too many sections in each other');
    // fromEntries defines, where assigning would let a key "__proto__" do something else.
    const pairs: [string, ViciValue][] = [];
    while (at < bytes.length) {
      const type = take(1).readUInt8();
      if (type === SECTION_END) {
        if (depth === 0) fail('a section ends that never began');
        return Object.fromEntries(pairs);
      }
      const key = name();
      if (type === KEY_VALUE) pairs.push([key, value()]);
      else if (type === LIST_START) pairs.push([key, list()]);
      else if (type === SECTION_START) pairs.push([key, section(depth + 1)]);
      else fail(`type ${type} is none`);
    }
    if (depth > 0) fail('a section does not end');
    return Object.fromEntries(pairs);
  };
  return section(0);
}
