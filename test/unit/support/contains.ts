import assert from 'node:assert/strict';

/** Asserts that `actual` has all that `expected` has; what else it has (a server's defaults) is its own affair. */
export function contains(actual: unknown, expected: unknown): void {
  assert.partialDeepStrictEqual(actual, expected);
}
