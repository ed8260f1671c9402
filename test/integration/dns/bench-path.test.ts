import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { command } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';

const bench = join(import.meta.dirname, '../../bench/path.ts');

test(
  'the benchmark of the ways through cluster DNS measures each of them, and no query is lost',
  { skip: (await requirePackages(['dnsperf'])) ?? false },
  async () => {
    const { stdout, stderr, code } = await command(process.execPath, [bench, '--smoke']);
    assert.equal(code, 0, stderr);
    for (const way of ['forward-file', 'forward-pharos', 'shim-pharos', 'file-cache']) {
      // Round, way, queries/s, per CPU-second, p50, p99, lost or failed.
      assert.match(stdout, new RegExp(`^ +1 +${way} +[1-9]\\d* +[1-9]\\d* +\\d+ +\\d+ +0$`, 'm'));
    }
    assert.equal(stdout.match(/^(met {3}|MISSED) /gm)?.length, 3);
  },
);
