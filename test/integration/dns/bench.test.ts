import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { command } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';

const bench = join(import.meta.dirname, '../../bench/dns.ts');

test(
  'the benchmark measures pharos and CoreDNS, and no query is lost',
  { skip: (await requirePackages(['dnsperf'])) ?? false },
  async () => {
    const { stdout, stderr, code } = await command(process.execPath, [
      bench,
      '--smoke',
      '--only',
      'pharos-1,coredns',
      '--loads',
      'a',
    ]);
    assert.equal(code, 0, stderr);
    // Median, queries/s, CPU, busy, lost, failed, and to the other two.
    assert.match(stdout, /^ +pharos-1 +[1-9]\d* +\d+\.\d +\d+ % +0 +0 +\d+\.\d\d +-$/m);
    assert.match(stdout, /^ +coredns +[1-9]\d* +\d+\.\d +\d+ % +0 +0 +1\.00 +-$/m);
  },
);

test('an option that is no number is told, with what would be', async () => {
  const { stderr, code } = await command(process.execPath, [bench, '--rounds', 'many']);
  assert.equal(code, 2);
  assert.match(stderr, /--rounds must be a whole number from 1; for example: npm run bench -- --rounds 5/);
});
