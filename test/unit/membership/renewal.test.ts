import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { renewalDelayMs } from '../../../src/membership/renewal.ts';

const HOUR = 3_600_000;

for (const [sentence, now, spread, expected] of [
  ['a new token is renewed when half of its life is over, at the earliest', 0, 0, 3 * HOUR],
  ['and when two thirds are, at the latest', 0, 1, 4 * HOUR],
  ['what is past counts', 2 * HOUR, 0, HOUR],
  ['a token past its time is renewed now', 4 * HOUR, 0.5, 0],
  ['so is one that has ended', 24 * HOUR, 0.5, 0],
  ['a clock that was set back by a year makes nobody wait for a year', -365 * 24 * HOUR, 0, 3 * HOUR],
] as const) {
  test(sentence, () => {
    const delay = renewalDelayMs(now, { issuedAt: 0, expiresAt: 6 * HOUR }, spread);
    assert.equal(Math.round(delay), expected);
  });
}

test('whatever the times, a token is renewed while a third of its life is left, and never at once when new', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.integer({ min: 600_000, max: 2 ** 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      (issuedAt, life, spread, later) => {
        const token = { issuedAt, expiresAt: issuedAt + life };
        assert.ok(renewalDelayMs(issuedAt, token, spread) > 0);
        const now = issuedAt + later;
        const renewed = now + renewalDelayMs(now, token, spread);
        assert.ok(renewed <= Math.max(now, issuedAt + (life * 2) / 3 + 1));
      },
    ),
  );
});
