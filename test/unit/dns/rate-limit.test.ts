import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RateLimiter } from '../../../src/dns/rate-limit.ts';

test('a network has its responses of one second, then one in two limited queries slips', () => {
  const limiter = new RateLimiter({ perSecond: 3, slip: 2 });
  const verdicts = Array.from({ length: 7 }, (_, n) => limiter.check(`192.0.2.${n}`, 1000));
  assert.deepEqual(verdicts, ['answer', 'answer', 'answer', 'slip', 'drop', 'slip', 'drop']);
  assert.equal(limiter.check('192.0.3.1', 1000), 'answer', 'another network is another matter');
  assert.equal(limiter.check('192.0.2.1', 1334), 'answer', 'a third of a second later there is one more');
  assert.equal(limiter.check('192.0.2.1', 1334), 'slip');
});

test('IPv6 clients of one /56 are one network', () => {
  const limiter = new RateLimiter({ perSecond: 1, slip: 1 });
  assert.equal(limiter.check('2001:db8:0:1ff::1', 0), 'answer');
  assert.equal(limiter.check('2001:db8:0:100::7', 0), 'slip');
  assert.equal(limiter.check('2001:db8:0:200::1', 0), 'answer');
  assert.equal(limiter.check('fe80::1%eth0', 0), 'answer');
});

test('whatever comes when, no network gets more than its rate and one second of it at once', () => {
  const arrivals = fc.array(fc.nat(200), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), arrivals, (perSecond, gaps) => {
      const limiter = new RateLimiter({ perSecond, slip: 2 });
      let now = 0;
      let answered = 0;
      for (const gap of gaps) {
        now += gap;
        if (limiter.check('10.0.0.1', now) === 'answer') answered++;
      }
      assert.ok(answered <= perSecond + (perSecond * now) / 1000 + 1e-6);
    }),
  );
});
