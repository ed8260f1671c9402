import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { backoffMs } from '../../../src/runtime/backoff.ts';

const backoff = { baseMs: 100, maxMs: 1000 };

test('the bound of the wait doubles with each failure up to the maximum', () => {
  const longest = [1, 2, 3, 4, 5, 50, 5000].map((failures) => backoffMs(backoff, failures, 0));
  assert.deepEqual(longest, [100, 200, 400, 800, 1000, 1000, 1000]);
});

test('the wait is spread evenly below the bound', () => {
  assert.equal(backoffMs(backoff, 3, 0.5), 200);
  assert.equal(backoffMs(backoff, 3, 0.75), 100);
});

test('every wait is between one millisecond and the maximum', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (failures, random) => {
        const ms = backoffMs(backoff, failures, random);
        assert.ok(Number.isInteger(ms) && ms >= 1 && ms <= 1000, String(ms));
      },
    ),
  );
});
