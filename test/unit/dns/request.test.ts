import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readRequest, Request, type Verdict } from '../../../src/dns/request.ts';
import { opt, option, query, uint16s, wireName } from './support/messages.ts';

const HEADER = uint16s(1, 0, 1, 0, 0, 0);
const END = uint16s(1, 1);
/** A TSIG record, as far as this server looks at it. */
const TSIG = Buffer.concat([wireName('key'), uint16s(250, 255, 0, 0, 0)]);
const OTHER = Buffer.concat([wireName('other'), uint16s(65_280, 1, 0, 0, 0)]);
const SOA_IN_IXFR = Buffer.concat([uint16s(0xc00c, 6, 1, 0, 0, 0)]);
const label = (length: number): string => 'x'.repeat(length);

const table: Record<string, { message: Buffer; verdict: Verdict }> = {
  'a plain query is a query': { message: query(), verdict: 'query' },
  'a query for the root is a query': { message: query({ name: '' }), verdict: 'query' },
  'a query with OPT is a query': { message: query({ extra: [opt()] }), verdict: 'query' },
  'unknown options are ignored': {
    message: query({
      extra: [opt({ data: Buffer.concat([option(10, Buffer.alloc(8)), option(65_001, Buffer.alloc(0))]) })],
    }),
    verdict: 'query',
  },
  'OPT and TSIG together are a query': { message: query({ extra: [opt(), TSIG] }), verdict: 'query' },
  'a record before OPT does not hide it': {
    message: query({ extra: [OTHER, opt({ version: 1 })] }),
    verdict: 'badvers',
  },
  'a record after TSIG is malformed (RFC 8945, 5.1)': {
    message: query({ extra: [TSIG, opt()] }),
    verdict: 'formerr',
  },
  'a message of 11 bytes is dropped': { message: query().subarray(0, 11), verdict: 'drop' },
  'an empty message is dropped': { message: Buffer.alloc(0), verdict: 'drop' },
  'a response is dropped': { message: query({ flags: 0x8180 }), verdict: 'drop' },
  'a response that is malformed too is dropped': {
    message: query({ flags: 0x8000 }).subarray(0, 14),
    verdict: 'drop',
  },
  'NOTIFY is not implemented': { message: query({ flags: 4 << 11 }), verdict: 'notimp' },
  'UPDATE is not implemented, whatever its sections': {
    message: query({ flags: 5 << 11, counts: [0, 9, 9, 9] }),
    verdict: 'notimp',
  },
  'no question is malformed': { message: query({ counts: [0, 0, 0, 0] }), verdict: 'formerr' },
  'two questions are malformed': {
    message: Buffer.concat([query({ counts: [2, 0, 0, 0] }), wireName('b'), END]),
    verdict: 'formerr',
  },
  'a header alone is malformed': { message: query().subarray(0, 12), verdict: 'formerr' },
  'a name that is cut off is malformed': { message: query().subarray(0, 20), verdict: 'formerr' },
  'a question without its class is malformed': { message: query().subarray(0, -2), verdict: 'formerr' },
  'a question without its last byte is malformed': { message: query().subarray(0, -1), verdict: 'formerr' },
  'a label of 63 bytes is one': { message: query({ name: label(63) }), verdict: 'query' },
  'a label of 64 bytes is none': { message: query({ name: label(64) }), verdict: 'formerr' },
  'a name of 255 bytes is one': {
    message: query({ name: [label(63), label(63), label(63), label(61)].join('.') }),
    verdict: 'query',
  },
  'a name of 256 bytes is none': {
    message: query({ name: [label(63), label(63), label(63), label(62)].join('.') }),
    verdict: 'formerr',
  },
  'a name that points to itself is malformed': {
    message: Buffer.concat([HEADER, uint16s(0xc00c), END]),
    verdict: 'formerr',
  },
  'a name that points into the header is malformed': {
    message: Buffer.concat([HEADER, uint16s(0xc000), END]),
    verdict: 'formerr',
  },
  'a name that ends in a loop is malformed': {
    message: Buffer.concat([HEADER, Buffer.from([1, 97]), uint16s(0xc00c), END]),
    verdict: 'formerr',
  },
  'a label type of 0x40 is malformed': {
    message: Buffer.concat([HEADER, Buffer.from([0x41, 97, 0]), END]),
    verdict: 'formerr',
  },
  'bytes after the message are malformed': {
    message: Buffer.concat([query(), Buffer.from([0])]),
    verdict: 'formerr',
  },
  'bytes after OPT are malformed': {
    message: Buffer.concat([query({ extra: [opt()] }), Buffer.from([0])]),
    verdict: 'formerr',
  },
  'two OPTs are malformed': { message: query({ extra: [opt(), opt()] }), verdict: 'formerr' },
  'two OPTs of version 1 are malformed before anything else': {
    message: query({ extra: [opt({ version: 1 }), opt({ version: 1 })] }),
    verdict: 'formerr',
  },
  'OPT in the answer section is malformed': {
    message: query({ extra: [opt()], counts: [1, 1, 0, 0] }),
    verdict: 'formerr',
  },
  'OPT that a name owns is malformed': {
    message: query({ extra: [Buffer.concat([wireName('a'), opt().subarray(1)])] }),
    verdict: 'formerr',
  },
  'OPT that is counted and missing is malformed': {
    message: query({ counts: [1, 0, 0, 1] }),
    verdict: 'formerr',
  },
  'OPT that is there and not counted is malformed': {
    message: query({ extra: [opt()], counts: [1, 0, 0, 0] }),
    verdict: 'formerr',
  },
  'OPT that is cut off is malformed': {
    message: query({ extra: [opt().subarray(0, -1)] }),
    verdict: 'formerr',
  },
  'an option that is longer than OPT is malformed': {
    message: query({ extra: [opt({ data: uint16s(10, 1) })] }),
    verdict: 'formerr',
  },
  'an option with half a header is malformed': {
    message: query({ extra: [opt({ data: Buffer.alloc(3) })] }),
    verdict: 'formerr',
  },
  'a record whose name loops is malformed': {
    message: query({ extra: [Buffer.concat([uint16s(0xc000 + 12 + 20 + 4, 1, 1, 0, 0, 0)])] }),
    verdict: 'formerr',
  },
  'a query of class ANY is refused': { message: query({ class: 255 }), verdict: 'refused' },
  'version.bind in class CH is for the server itself': {
    message: query({ name: 'version.bind', type: 16, class: 3 }),
    verdict: 'chaos',
  },
  'EDNS version 1 is a bad version': { message: query({ extra: [opt({ version: 1 })] }), verdict: 'badvers' },
  'EDNS version 1 comes before the class': {
    message: query({ class: 3, extra: [opt({ version: 1 })] }),
    verdict: 'badvers',
  },
  'options of an unknown version are not read': {
    message: query({ extra: [opt({ version: 1, data: Buffer.alloc(3) })] }),
    verdict: 'badvers',
  },
  'a zone transfer is one': { message: query({ type: 252 }), verdict: 'transfer' },
  'an incremental zone transfer is one': {
    message: query({ type: 251, extra: [SOA_IN_IXFR], counts: [1, 0, 1, 0] }),
    verdict: 'transfer',
  },
  'more authority records than a query has reason for are malformed': {
    message: query({ extra: [SOA_IN_IXFR, SOA_IN_IXFR], counts: [1, 0, 2, 0] }),
    verdict: 'formerr',
  },
  'a question for OPT is malformed': { message: query({ type: 41 }), verdict: 'formerr' },
};

for (const [sentence, { message, verdict }] of Object.entries(table)) {
  test(sentence, () => {
    assert.equal(readRequest(message, message.length, new Request()), verdict);
  });
}

test('labels are lower-cased in ASCII only, byte by byte', () => {
  const request = new Request();
  const message = query({ name: 'MySQL.\u00c0\u00de.[\\]@`.Z', type: 65 });
  assert.equal(readRequest(message, message.length, request), 'query');
  assert.deepEqual(request.labels(), ['mysql', '\u00c0\u00de', '[\\]@`', 'z']);
  assert.equal(request.type, 65);
});

test('questions of different types have different keys, also where the types differ like letters in case', () => {
  const key = (type: number): string => {
    const request = new Request();
    const message = query({ type });
    readRequest(message, message.length, request);
    return request.key.toString('hex', 0, request.keyLength);
  };
  assert.notEqual(key(65), key(97));
});

test('the client says how much it takes over UDP, and at least 512 bytes', () => {
  const sizes = [undefined, 0, 511, 512, 513, 1232, 65_535].map((size) => {
    const request = new Request();
    const message = query({ extra: size === undefined ? [] : [opt({ size })] });
    assert.equal(readRequest(message, message.length, request), 'query');
    return request.udpSize;
  });
  assert.deepEqual(sizes, [512, 512, 512, 512, 513, 1232, 65_535]);
});

test('nothing of one message is left for the next', () => {
  const request = new Request();
  const first = query({ extra: [opt({ dnssecOk: true })] });
  readRequest(first, first.length, request);
  assert.deepEqual([request.edns, request.dnssecOk], [true, true]);
  const second = query().subarray(0, 13);
  readRequest(second, second.length, request);
  assert.deepEqual(
    [request.edns, request.dnssecOk, request.questionEnd, request.udpSize],
    [false, false, 0, 512],
  );
});

test('bytes beyond the given length are not looked at', () => {
  const request = new Request();
  const buffer = Buffer.concat([query(), opt()]);
  assert.equal(readRequest(buffer, query().length, request), 'query');
  assert.equal(request.edns, false);
});

test('any bytes get a verdict', () => {
  const request = new Request();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const verdict = readRequest(bytes, bytes.length, request);
      assert.ok(
        ['query', 'drop', 'formerr', 'notimp', 'badvers', 'refused', 'chaos', 'transfer'].includes(verdict),
      );
      assert.ok(request.questionEnd <= bytes.length);
    }),
  );
});
