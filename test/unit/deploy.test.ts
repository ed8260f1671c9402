/** What stands in deploy/ and follows from something else is what it follows from. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chartFiles } from '../../scripts/charts.ts';

for (const [path, text] of await chartFiles()) {
  test(`deploy/${path} is up to date`, () => {
    assert.equal(
      readFileSync(join(import.meta.dirname, '../../deploy', path), 'utf8'),
      text,
      'run: npm run charts',
    );
  });
}
