import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RateLimiter, sharedRateLimit } from '../../../src/dns/rate-limit.ts';

test('a network has its responses of one second, then one in two limited queries slips', () => {
  const limiter = new RateLimiter(sharedRateLimit({ perSecond: 3, slip: 2 }));
  const verdicts = Array.from({ length: 7 }, (_, n) => limiter.check(`192.0.2.${n}`, 1000));
  assert.deepEqual(verdicts, ['answer', 'answer', 'answer', 'slip', 'drop', 'slip', 'drop']);
  assert.equal(limiter.check('192.0.3.1', 1000), 'answer', 'another network is another matter');
  assert.equal(limiter.check('192.0.2.1', 1334), 'answer', 'a third of a second later there is one more');
  assert.equal(limiter.check('192.0.2.1', 1334), 'slip');
});

test('IPv6 clients of one /56 are one network', () => {
  const limiter = new RateLimiter(sharedRateLimit({ perSecond: 1, slip: 1 }));
  assert.equal(limiter.check('2001:db8:0:1ff::1', 0), 'answer');
  assert.equal(limiter.check('2001:db8:0:100::7', 0), 'slip');
  assert.equal(limiter.check('2001:db8:0:200::1', 0), 'answer');
  assert.equal(limiter.check('fe80::1%eth0', 0), 'answer');
});

test('whatever comes when, no network gets more than its rate and one second of it at once', () => {
  const arrivals = fc.array(fc.nat(200), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), arrivals, (perSecond, gaps) => {
      const limiter = new RateLimiter(sharedRateLimit({ perSecond, slip: 2 }));
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

test('what one thread gave is gone for the others, by whichever form of the address they ask', () => {
  const shared = sharedRateLimit({ perSecond: 4, slip: 1 });
  const [one, other] = [new RateLimiter(shared), new RateLimiter(shared)];
  const bytes = (first: number[]): [number, number] => {
    const view = new DataView(Uint8Array.from(first).buffer);
    return [view.getInt32(0, true), view.getInt32(4, true)];
  };
  for (const [address, family, eight] of [
    ['192.0.2.1', 4, [192, 0, 2, 200, 0, 0, 0, 0]],
    ['2001:db8:0:1ff::1', 6, [0x20, 0x01, 0x0d, 0xb8, 0, 0, 1, 0x77]],
  ] as const) {
    const verdicts = Array.from({ length: 6 }, (_, n) =>
      n % 2 === 0 ? one.check(address, 5000) : other.checkBytes(family, ...bytes([...eight]), 5000),
    );
    assert.deepEqual(verdicts, ['answer', 'answer', 'answer', 'answer', 'slip', 'slip'], address);
  }
});

test('a network that comes back after any time has the responses of one second', () => {
  const limiter = new RateLimiter(sharedRateLimit({ perSecond: 2, slip: 1 }));
  let now = 0;
  // Around the time after which 32 bits of ticks come round, and far beyond it.
  for (const gap of [4000, 133_000, 134_300, 135_000, 267_900, 268_400, 269_000, 1e6, 1e8]) {
    now += gap;
    const verdicts = [0, 0, 0].map(() => limiter.check('198.51.100.7', now));
    assert.deepEqual(verdicts, ['answer', 'answer', 'slip'], `after ${gap} ms`);
  }
});
