import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameReader } from '../../../src/dns/frames.ts';
import { uint16s } from './support/messages.ts';

const frame = (message: Uint8Array): Buffer => Buffer.concat([uint16s(message.length), message]);

function drain(reader: FrameReader): string[] {
  const messages: string[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next())
    messages.push(next.toString('hex'));
  return messages;
}

test('a stream reads the same however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
      (messages, cuts) => {
        const stream = Buffer.concat(messages.map(frame));
        const reader = new FrameReader();
        const read: string[] = [];
        for (let at = 0, index = 0; at < stream.length; index++) {
          const cut = cuts[index % cuts.length]!;
          // A copy, as a socket's chunks share nothing.
          reader.push(Buffer.from(stream.subarray(at, at + cut)));
          read.push(...drain(reader));
          at += cut;
        }
        assert.deepEqual(
          read,
          messages.map((message) => Buffer.from(message).toString('hex')),
        );
      },
    ),
  );
});

test('byte by byte reads the same as at once', () => {
  const message = Buffer.from(Array.from({ length: 5000 }, (_, n) => n & 255));
  const stream = Buffer.concat([frame(message), frame(Buffer.from('next'))]);
  const reader = new FrameReader();
  const read: string[] = [];
  for (const byte of stream) {
    reader.push(Buffer.from([byte]));
    read.push(...drain(reader));
  }
  assert.deepEqual(read, [message.toString('hex'), Buffer.from('next').toString('hex')]);
});

test('half a length is no message, and neither is a length alone', () => {
  const reader = new FrameReader();
  reader.push(Buffer.from([0]));
  assert.equal(reader.next(), undefined);
  reader.push(Buffer.from([1]));
  assert.equal(reader.next(), undefined);
  reader.push(Buffer.from([42]));
  assert.deepEqual(reader.next(), Buffer.from([42]));
  assert.equal(reader.next(), undefined);
});

test('an empty message is one', () => {
  const reader = new FrameReader();
  reader.push(uint16s(0, 0));
  assert.deepEqual([reader.next()?.length, reader.next()?.length, reader.next()], [0, 0, undefined]);
});
