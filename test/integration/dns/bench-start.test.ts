import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { command } from '../../lab/command.ts';

const bench = join(import.meta.dirname, '../../bench/start.ts');

test('the benchmark of starts measures pharos from a snapshot and from an API server, and CoreDNS, and names its targets', async () => {
  const { stdout, stderr, code } = await command(process.execPath, [bench, '--smoke']);
  assert.equal(code, 0, stderr);
  const [, medians = ''] = stdout.split('median');
  for (const name of ['snapshot', 'pharos', 'coredns']) {
    assert.match(medians, new RegExp(`^ +${name}( +[1-9]\\d*){5}$`, 'm'));
  }
  assert.match(stdout, /^ {2}resident, all names asked for: [\d.]+ MB \(<= 300\) reached$/m);
  assert.match(stdout, /^ {2}a change, taken → answered, median: [\d.]+ ms \(<= 5\)/m);
});
