import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ensureCrds } from '../../lab/binaries.ts';

test("the definitions that Pharos ships are upstream's, byte for byte", async () => {
  const published = await ensureCrds();
  assert.equal(published.length, 2);
  for (const path of published) {
    const shipped = join(import.meta.dirname, '../../../deploy/crds', basename(path));
    assert.ok(readFileSync(shipped).equals(readFileSync(path)), shipped);
  }
});
