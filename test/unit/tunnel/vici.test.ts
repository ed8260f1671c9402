import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as fc from 'fast-check';
import { systemClock } from '../../../src/runtime/clock.ts';
import { ViciClient } from '../../../src/tunnel/ipsec/vici-client.ts';
import { decodeMessage, encodeMessage, type ViciSection } from '../../../src/tunnel/ipsec/vici-message.ts';
import { encodeRequest, ViciReader } from '../../../src/tunnel/ipsec/vici-packet.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** The example of strongSwan's src/libcharon/plugins/vici/README.md. */
const EXAMPLE: ViciSection = {
  key1: 'value1',
  section1: { 'sub-section': { key2: 'value2' }, list1: ['item1', 'item2'] },
};
const EXAMPLE_BYTES = Buffer.concat([
  Buffer.from([3, 4]),
  Buffer.from('key1'),
  Buffer.from([0, 6]),
  Buffer.from('value1'),
  Buffer.from([1, 8]),
  Buffer.from('section1'),
  Buffer.from([1, 11]),
  Buffer.from('sub-section'),
  Buffer.from([3, 4]),
  Buffer.from('key2'),
  Buffer.from([0, 6]),
  Buffer.from('value2'),
  Buffer.from([2]),
  Buffer.from([4, 5]),
  Buffer.from('list1'),
  Buffer.from([5, 0, 5]),
  Buffer.from('item1'),
  Buffer.from([5, 0, 5]),
  Buffer.from('item2'),
  Buffer.from([6]),
  Buffer.from([2]),
]);

test("golden: the example of strongSwan's own description, both ways", () => {
  assert.deepEqual(encodeMessage(EXAMPLE), EXAMPLE_BYTES);
  assert.deepEqual(decodeMessage(EXAMPLE_BYTES), EXAMPLE);
});

test('golden: requests as they go over the socket', () => {
  assert.equal(
    encodeRequest({ type: 'command', name: 'version', message: {} }).toString('hex'),
    '000000090007' + Buffer.from('version').toString('hex'),
  );
  assert.equal(encodeRequest({ type: 'register', name: 'log' }).toString('hex'), '0000000503036c6f67');
});

const message = fc.letrec<{ section: ViciSection; value: string | string[] | ViciSection }>((tie) => ({
  section: fc.dictionary(fc.string({ maxLength: 40, unit: 'grapheme-ascii' }), tie('value'), {
    maxKeys: 4,
    depthIdentifier: 'vici',
    noNullPrototype: true,
  }),
  value: fc.oneof(
    { depthIdentifier: 'vici', maxDepth: 4 },
    fc.string(),
    fc.array(fc.string(), { maxLength: 3 }),
    tie('section'),
  ),
})).section;

test('what was encoded is decoded to the same', () => {
  fc.assert(
    fc.property(message, (section) => assert.deepEqual(decodeMessage(encodeMessage(section)), section)),
  );
});

/** A packet as charon sends it. */
function packet(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + body.length);
  head[4] = type;
  return Buffer.concat([head, body]);
}
const response = (section: ViciSection): Buffer => packet(1, encodeMessage(section));
const event = (name: string, section: ViciSection): Buffer =>
  packet(7, Buffer.concat([Buffer.of(name.length), Buffer.from(name), encodeMessage(section)]));

test('byte by byte, in any pieces, the same packets come out', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 50 })),
      (sections, cuts) => {
        const stream = Buffer.concat(
          sections.flatMap((section, i) => [
            event('list-sa', section),
            i % 2 === 0 ? response(section) : packet(5, Buffer.alloc(0)),
          ]),
        );
        const whole = new ViciReader().push(stream);
        const single = new ViciReader();
        assert.deepEqual(
          [...stream].flatMap((byte) => single.push(Buffer.of(byte))),
          whole,
        );
        const pieces = new ViciReader();
        const got = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          got.push(...pieces.push(stream.subarray(at, at + cut)));
          at += cut;
        }
        assert.deepEqual(got, whole);
        assert.equal(whole.length, sections.length * 2);
      },
    ),
  );
});

test('bytes that are no message are refused, never anything worse', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        assert.ok(decodeMessage(Buffer.from(bytes)));
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'vici-format');
      }
    }),
  );
  assert.throws(() => new ViciReader().push(Buffer.from('ffffffff', 'hex')), { code: 'vici-format' });
  assert.throws(() => decodeMessage(Buffer.alloc(3 * 40, Buffer.from([1, 1, 97]))), /too many sections/);
});

const dir = mkdtempSync(join(tmpdir(), 'pharos-vici-'));
after(() => rmSync(dir, { recursive: true }));
let servers = 0;

/** A charon that answers each request by what `answers` says, in order. */
async function charon(
  answers: readonly (readonly Buffer[])[],
): Promise<{ path: string; requests: string[] } & Disposable> {
  const path = join(dir, `${++servers}.sock`);
  const requests: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const body = rest.subarray(4, 4 + rest.readUInt32BE(0));
        rest = rest.subarray(4 + body.length);
        requests.push(body.toString('utf8', 2, 2 + (body[1] ?? 0)));
        for (const answer of answers[requests.length - 1] ?? []) socket.write(answer);
      }
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    requests,
    [Symbol.dispose]() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
const registered = packet(5, Buffer.alloc(0));

test('commands are sent one after the other, and events in the middle are told', async () => {
  using server = await charon([
    [registered],
    [event('ike-updown', { up: 'yes' }), response({ n: '1' })],
    [response({ n: '2' })],
  ]);
  using client = await ViciClient.connect(server.path, systemClock);
  const told: ViciSection[] = [];
  await client.listen('ike-updown', (section) => told.push(section));
  const answers = await Promise.all([client.command('one'), client.command('two')]);
  assert.deepEqual(answers, [{ n: '1' }, { n: '2' }]);
  assert.deepEqual(told, [{ up: 'yes' }]);
  assert.deepEqual(server.requests, ['ike-updown', 'one', 'two']);
});

test('a streamed answer is collected', async () => {
  using server = await charon([
    [registered],
    [event('list-sa', { a: '1' }), event('list-sa', { b: '2' }), response({})],
    [registered],
  ]);
  using client = await ViciClient.connect(server.path, systemClock);
  assert.deepEqual(await client.stream('list-sas', 'list-sa'), [{ a: '1' }, { b: '2' }]);
});

test("what charon refuses is an error with charon's words", async () => {
  using server = await charon([
    [response({ success: 'no', errmsg: 'no such key' })],
    [packet(2, Buffer.alloc(0))],
  ]);
  using client = await ViciClient.connect(server.path, systemClock);
  await assert.rejects(client.command('load-key'), {
    code: 'vici-refused',
    message: /"load-key": no such key/,
  });
  await assert.rejects(client.command('nonsense'), { code: 'vici-unknown' });
});

test('a charon that does not answer ends the connection and every call on it', async () => {
  using server = await charon([]);
  const clock = new FakeClock();
  using client = await ViciClient.connect(server.path, clock);
  const calls = Promise.allSettled([client.command('one'), client.command('two')]);
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(5000);
  const outcomes = await calls;
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as { code: string }).code),
    ['vici-timeout', 'vici-timeout'],
  );
  assert.ok(client.isClosed);
});

test('a charon that ends, or is not there, is an error', async () => {
  const server = await charon([]);
  using client = await ViciClient.connect(server.path, systemClock);
  const call = client.command('one');
  server[Symbol.dispose]();
  await assert.rejects(call, { code: 'vici-closed' });
  await assert.rejects(ViciClient.connect(join(dir, 'none.sock'), systemClock), { code: 'vici-closed' });
});
