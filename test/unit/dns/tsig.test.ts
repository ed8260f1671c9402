import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkTsig, isSealedAnswer, sealed, sealFor, TsigError } from '../../../src/dns/tsig.ts';
import { parseTsigKeys, type TsigKey } from '../../../src/dns/tsig-keys.ts';
import { readRequest, Request } from '../../../src/dns/request.ts';
import { TRANSFER } from '../../../src/dns/respond.ts';
import { zoneOf } from '../zone/driver.ts';
import { opt, query, queryPath, uint16s, wireName } from './support/messages.ts';

const SECRET = Buffer.alloc(32, 7).toString('base64');
const keys = parseTsigKeys(
  `# the one in use first\nhmac-sha256:pharos.:${SECRET}\nhmac-sha256:Old.Key:${SECRET}\n`,
);
const [key, old] = keys as unknown as [TsigKey, TsigKey];
const NOW = 1_800_000_000;
const signing = { keys: () => keys, now: () => NOW };
const TYPE = { A: 1, SOA: 6, IXFR: 251, AXFR: 252 };
const NOT_AUTH = 9;

/** A query with a signature, and its MAC. */
function signed(
  message: Buffer,
  { by = key, now = NOW }: { readonly by?: TsigKey; readonly now?: number } = {},
): { readonly message: Buffer; readonly mac: Buffer } {
  const seal = sealFor(by, () => now);
  const whole = sealed(message, seal);
  return { message: whole, mac: seal.mac };
}

const zone = zoneOf({ 'shop/web': { from: { west: { ips: ['10.1.0.1'] } } } });
const ASKED = query({ name: 'web.shop.svc.clusterset.local' });

function ask(message: Buffer, settings: Parameters<typeof queryPath>[2] = {}) {
  const path = queryPath(zone, undefined, { signing, mayTransfer: () => true, ...settings });
  return path.send(message);
}

/** What the last record says: a signature is at the end of every answer here. */
function tsigOf(answer: Buffer, name = 'pharos') {
  const head = Buffer.concat([wireName(name), uint16s(250, 255, 0, 0)]);
  const at = answer.lastIndexOf(head);
  assert.ok(at > 0, 'a signature');
  const data = at + head.length + 2;
  const mac = answer.readUInt16BE(data + 13 + 8);
  const after = data + 13 + 10 + mac;
  return {
    time: answer.readUIntBE(data + 13, 6),
    mac,
    error: answer.readUInt16BE(after + 2),
    other: answer.subarray(after + 6),
  };
}

suite('a query with a signature', () => {
  for (const [what, by] of [
    ['the key in use', key],
    ['another that is good', old],
  ] as const) {
    test(`by ${what} is answered with one, which is bound to it`, () => {
      const { message, mac } = signed(ASKED, { by });
      const answer = ask(message);
      assert.ok(answer);
      assert.equal(answer[3]! & 15, 0);
      assert.ok(isSealedAnswer(answer, signing, mac));
      assert.ok(!isSealedAnswer(answer, signing, Buffer.alloc(32)), 'to what was asked alone');
      // All but the id, which a forwarder may change.
      for (const at of [2, 3, 30, answer.length - 20]) {
        const changed = Buffer.from(answer);
        changed[at]! ^= 1;
        assert.ok(!isSealedAnswer(changed, signing, mac), `byte ${at} counts`);
      }
    });
  }

  const wrong = parseTsigKeys(`hmac-sha256:pharos:${Buffer.alloc(32, 8).toString('base64')}`)[0];
  const unknown = parseTsigKeys(`hmac-sha256:stranger:${SECRET}`)[0];
  for (const [what, message, error, name] of [
    ['of an unknown name', signed(ASKED, { by: unknown }).message, TsigError.badKey, 'stranger'],
    ['of another secret', signed(ASKED, { by: wrong }).message, TsigError.badSig, 'pharos'],
  ] as const) {
    test(`by a key ${what} is NOTAUTH, and the answer has no signature (RFC 8945, 5.3.2)`, () => {
      const answer = ask(message);
      assert.ok(answer);
      assert.equal(answer[3]! & 15, NOT_AUTH);
      assert.deepEqual([answer.readUInt16BE(6), answer.readUInt16BE(10)], [0, 1]);
      const { other, ...tsig } = tsigOf(answer, name);
      assert.deepEqual(tsig, { time: NOW, mac: 0, error });
      assert.equal(other.length, 0);
    });
  }

  test('that was changed on its way is BADSIG', () => {
    const { message } = signed(ASKED);
    message[14]! ^= 1;
    assert.equal(tsigOf(ask(message) ?? message).error, TsigError.badSig);
  });

  for (const [what, now] of [
    ['old', NOW - 301],
    ['of the future', NOW + 301],
  ] as const) {
    test(`${what} is BADTIME, signed, with its time and ours (RFC 8945, 5.2.3)`, () => {
      const answer = ask(signed(ASKED, { now }).message);
      assert.ok(answer);
      assert.equal(answer[3]! & 15, NOT_AUTH);
      const { other, ...tsig } = tsigOf(answer);
      assert.deepEqual(tsig, { time: now, mac: 32, error: TsigError.badTime });
      assert.equal(other.readUIntBE(0, 6), NOW);
    });
  }

  test('within five minutes is good', () => {
    assert.equal(tsigOf(ask(signed(ASKED, { now: NOW - 300 }).message) ?? ASKED).error, 0);
  });

  /** The message with another MAC in its record. */
  const withMac = (message: Buffer, bytes: number): Buffer => {
    const at = message.length - 6 - 32;
    const shorter = Buffer.concat([
      message.subarray(0, at - 2),
      uint16s(bytes),
      Buffer.concat([message.subarray(at, at + 32), Buffer.alloc(32)]).subarray(0, bytes),
      message.subarray(at + 32),
    ]);
    const length = at - 2 - 6 - 2 - 13 - 2;
    shorter.writeUInt16BE(shorter.readUInt16BE(length) + bytes - 32, length);
    return shorter;
  };

  test('by half a MAC is BADTRUNC; a shorter or longer one is malformed (RFC 8945, 5.2.2.1)', () => {
    const { message } = signed(ASKED);
    assert.deepEqual(withMac(message, 32), message);
    const answer = ask(withMac(message, 16));
    assert.ok(answer);
    assert.deepEqual([answer[3]! & 15, tsigOf(answer).error], [NOT_AUTH, TsigError.badTrunc]);
    for (const bytes of [0, 15, 33]) assert.equal((ask(withMac(message, bytes)) ?? ASKED)[3]! & 15, 1);
  });

  test('that is not its last record is malformed, and so is one of another class or with a TTL', () => {
    const { message } = signed(ASKED);
    const record = message.subarray(ASKED.length);
    assert.equal((ask(query({ extra: [record, opt()] })) ?? ASKED)[3]! & 15, 1);
    assert.equal((ask(query({ extra: [record, record] })) ?? ASKED)[3]! & 15, 1);
    for (const at of [8 + 3, 8 + 5]) {
      const odd = Buffer.from(message);
      odd[ASKED.length + at]! ^= 1;
      assert.equal((ask(odd) ?? ASKED)[3]! & 15, 1);
    }
  });

  test('is answered without one where no keys are known', () => {
    const path = queryPath(zone);
    const answer = path.send(signed(ASKED).message);
    assert.ok(answer);
    assert.equal(answer.readUInt16BE(10), 0);
  });

  test('takes the room of its own from the answer: what does not fit is cut, and signed', () => {
    const big = zoneOf({
      'shop/web': {
        type: 'Headless',
        from: { west: { endpoints: Array.from({ length: 27 }, (_, n) => `10.9.0.${n}`) } },
      },
    });
    const { message, mac } = signed(ASKED);
    const path = queryPath(big, undefined, { signing });
    const whole = path.send(ASKED);
    assert.ok(whole && (whole[2]! & 2) === 0 && whole.length > 450);
    const answer = path.send(message);
    assert.ok(answer && answer.length <= 512);
    assert.equal(answer[2]! & 2, 2);
    assert.ok(isSealedAnswer(answer, signing, mac));
  });
});

suite('a transfer, where keys are known,', () => {
  const axfr = query({ name: 'clusterset.local', type: TYPE.AXFR });
  const ixfr = query({ name: 'clusterset.local', type: TYPE.IXFR });
  const outcome = (message: Buffer, transport: 'udp' | 'tcp', settings = {}): number | undefined => {
    const path = queryPath(zone, undefined, { signing, mayTransfer: () => true, ...settings });
    const out = Buffer.alloc(65_535);
    const length = path.respond(message, message.length, { address: '192.0.2.1' }, transport, out);
    return length === TRANSFER ? TRANSFER : out[3]! & 15;
  };
  test('is for those who sign, from the networks that may', () => {
    assert.equal(outcome(signed(axfr).message, 'tcp'), TRANSFER);
    assert.equal(outcome(axfr, 'tcp'), 5);
    assert.equal(outcome(signed(axfr).message, 'tcp', { mayTransfer: () => false }), 5);
    assert.equal(outcome(ixfr, 'udp'), 5);
    assert.equal(outcome(signed(ixfr).message, 'udp'), 0);
  });
});

test('messages of one answer are bound to each other (RFC 8945, 5.3.1)', () => {
  const { message } = signed(ASKED);
  const request = new Request();
  readRequest(message, message.length, request);
  const checked = checkTsig(message, request.tsigAt, signing);
  assert.equal(checked?.error, TsigError.none);
  const seal = checked.seal;
  const macs = [1, 2, 3].map(() => {
    sealed(ASKED, seal);
    return seal.mac.toString('hex');
  });
  assert.equal(new Set(macs).size, 3);
});

suite('a file of keys', () => {
  for (const [what, text, says] of [
    ['is empty', '# nothing\n', /no key in it; make one with: echo/],
    ['has another algorithm', `hmac-md5:pharos:${SECRET}`, /line 1 is no hmac-sha256:NAME:SECRET/],
    ['has a short secret', 'hmac-sha256:pharos:c2hvcnQ=', /at least 16 bytes/],
    ['has a secret that is no base64', 'hmac-sha256:pharos:???', /line 1/],
    ['has a long name', `\nhmac-sha256:${'x'.repeat(64)}:${SECRET}`, /line 2/],
  ] as const) {
    test(`that ${what} is refused, with what to do, and without the secret`, () => {
      assert.throws(
        () => parseTsigKeys(text),
        ({ message }: Error) => says.test(message) && !message.includes(SECRET),
      );
    });
  }
});
