import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { on, once } from 'node:events';
import { test } from 'node:test';
import { Notifier } from '../../../../src/dns/transfer/notifier.ts';
import { ZoneFollower } from '../../../../src/dns/transfer/zone-follower.ts';
import { readRequest, Request } from '../../../../src/dns/request.ts';
import { checkTsig, sealed, TsigError } from '../../../../src/dns/tsig.ts';
import { parseTsigKeys } from '../../../../src/dns/tsig-keys.ts';
import { silentLog } from '../../../../src/observability/log.ts';
import { systemClock } from '../../../../src/runtime/clock.ts';
import { zoneOf } from '../../zone/driver.ts';

const keys = parseTsigKeys(`hmac-sha256:pharos:${Buffer.alloc(32, 7).toString('base64')}`);
const signing = { keys: () => keys, now: () => Math.floor(Date.now() / 1000) };

test('NOTIFY is signed, and said again until an answer has the key as well', async () => {
  const secondary = createSocket('udp4');
  secondary.bind(0, '127.0.0.1');
  await once(secondary, 'listening');
  const follower = new ZoneFollower(zoneOf({}), ['clusterset.local'], () => {});
  await follower.settled();
  const at = { address: '127.0.0.1', port: secondary.address().port };
  const notifier = new Notifier([at], {
    follower: () => follower,
    clock: systemClock,
    log: silentLog,
    signing,
  });
  try {
    const heard = on(secondary, 'message')[Symbol.asyncIterator]();
    const next = async () => {
      const [message, from] = (await heard.next()).value as [Buffer, { port: number; address: string }];
      // To read it as a query is read.
      const plain = Buffer.from(message);
      plain[2] = 0;
      const request = new Request();
      readRequest(plain, plain.length, request);
      const checked = checkTsig(message, request.tsigAt, signing);
      assert.equal(checked?.error, TsigError.none);
      const answer = Buffer.from(message.subarray(0, request.questionEnd));
      answer[2] = 0xa4;
      answer.fill(0, 6, 12);
      const reply = (bytes: Buffer): void => secondary.send(bytes, from.port, from.address);
      return { id: message.readUInt16BE(0), seal: checked.seal, answer, reply };
    };
    notifier.tell();
    const first = await next();
    first.reply(first.answer);
    const again = await next();
    assert.equal(again.id, first.id, 'an answer that anybody could send is none');
    again.reply(sealed(again.answer, again.seal));
    notifier.tell();
    assert.notEqual((await next()).id, first.id, 'what was answered is not said again');
  } finally {
    notifier.close();
    follower.close();
    secondary.close();
  }
});
