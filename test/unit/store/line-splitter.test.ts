import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LineSplitter } from '../../../src/store/line-splitter.ts';

function split(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(1000);
  for (const chunk of chunks) splitter.push(chunk, (line) => lines.push(line));
  return lines;
}

test('lines come out the same however the bytes are cut, in the middle of a character too', () => {
  const line = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replaceAll('\n', ' '));
  fc.assert(
    fc.property(fc.array(line), line, fc.array(fc.nat(30)), (whole, unfinished, sizes) => {
      const bytes = Buffer.from([...whole, unfinished].join('\n'));
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(bytes.subarray(at, (at += size)));
      chunks.push(bytes.subarray(at));
      // What is not text comes out as the replacement character, in whatever way it was cut.
      assert.deepEqual(split(chunks), split([bytes]));
      assert.deepEqual(
        split([bytes]),
        whole.map((text) => Buffer.from(text).toString()),
      );
    }),
  );
});

test('a line is told as soon as its end is there, before the rest of the chunk', () => {
  const splitter = new LineSplitter(1000);
  const lines: string[] = [];
  splitter.push(Buffer.from('on'), (line) => lines.push(line));
  splitter.push(Buffer.from('e\ntw'), (line) => lines.push(line));
  assert.deepEqual(lines, ['one']);
});

test('a line without end is an error once it is too long', () => {
  const splitter = new LineSplitter(10);
  splitter.push(Buffer.from('0123456789'), () => assert.fail());
  assert.throws(() => splitter.push(Buffer.from('x'), () => assert.fail()), /a line is longer than 10 bytes/);
});

test('how long lines were before does not count', () => {
  const splitter = new LineSplitter(10);
  const lines: string[] = [];
  for (const piece of ['1234567', '89\n', '1234567', '89\n']) {
    splitter.push(Buffer.from(piece), (line) => lines.push(line));
  }
  assert.deepEqual(lines, ['123456789', '123456789']);
});
