import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { command } from '../../lab/command.ts';

const bench = (name: string): string => join(import.meta.dirname, '../../bench', name);

test('the benchmark of the agent runs in small, and ends in the exact state', async () => {
  const { stdout, stderr, code } = await command(process.execPath, [bench('agent.ts'), '--smoke']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^3 clusters x 10 services$/m);
  assert.match(stdout, /^cold start to the exact state +\d+\.\d s = \d+\.\d\d x plain/m);
  assert.match(stdout, /^objects that differ from a fresh computation +0 /m);
  assert.match(stdout, /^broker writes by a rolling update \(20 slice updates\) +[0-4] /m);
  assert.match(stdout, /^endpoint changed in west, answered in east +p50 \d+ ms/m);
});

test('the benchmark of propagation runs', async () => {
  const { stdout, stderr, code } = await command(process.execPath, [bench('propagation.ts'), '--rounds=2']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^endpoint changed +\d+ +\d+ +\d+ +\d+$/m);
});
