import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../../../native/build.mjs';
import { command } from '../../lab/command.ts';
import { refuse } from '../../lab/packages.ts';

const COMPILER = process.env['CC'] ?? 'cc';
const fuzz = join(import.meta.dirname, '../../fuzz/addon.ts');

/** The run-time library of the sanitizers, which must be there before Node; or why there is none. */
async function sanitizer(): Promise<{ readonly library: string } | { readonly absent: string }> {
  const asked = await command(COMPILER, ['-print-file-name=libasan.so']).catch(() => undefined);
  const library = asked?.stdout.trim() ?? '';
  if (library.startsWith('/')) return { library };
  return { absent: refuse(`${COMPILER} has no address sanitizer`) };
}

const found = await sanitizer();

test(
  'the addon reads and writes no memory but its own, whatever comes in',
  { skip: 'absent' in found && found.absent },
  async (t) => {
    assert.ok('library' in found);
    const dir = await mkdtemp(join(tmpdir(), 'pharos-addon-'));
    t.after(() => rm(dir, { recursive: true }));
    const addon = join(dir, 'udp-batch.node');
    const flags = [
      '-g',
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover=all',
      '-fno-omit-frame-pointer',
    ];
    assert.equal(compile(COMPILER, addon, flags), undefined);
    const seed = String(Date.now() % 2 ** 32);
    t.diagnostic(`seed ${seed}`);
    const { code, stdout, stderr } = await command(process.execPath, [fuzz, addon, '10000', seed], {
      env: {
        ...process.env,
        LD_PRELOAD: found.library,
        // Node itself frees not all that it has when it ends.
        ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0',
        UBSAN_OPTIONS: 'print_stacktrace=1',
      },
    });
    assert.equal(code, 0, stderr);
    assert.ok(Number(stdout) > 250, `${stdout} packets came back`);
  },
);
