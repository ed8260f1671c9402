import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAge, formatTable } from '../../../src/commands/print-table.ts';

test('columns are as wide as their longest text, and lines do not end in spaces', () => {
  assert.equal(
    formatTable(
      ['NAME', 'N'],
      [
        ['a', '1'],
        ['longer', ''],
      ],
    ),
    'NAME     N\na        1\nlonger\n',
  );
});

test('a table without rows is its headings', () => {
  assert.equal(formatTable(['NAME', 'N'], []), 'NAME   N\n');
});

for (const [seconds, text] of [
  [-5, '0s'],
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [200, '3m20s'],
  [599, '9m59s'],
  [600, '10m'],
  [3 * 3600 - 1, '179m'],
  [3 * 3600, '3h'],
  [48 * 3600 - 1, '47h'],
  [48 * 3600, '2d'],
  [400 * 86_400, '400d'],
] as const) {
  test(`${seconds} seconds are ${text}`, () => assert.equal(formatAge(seconds * 1000), text));
}
