/** The addon as the package brings it: one file for each kind of processor, for glibc and musl alike. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { compile, COMPILERS, PORTABLE } from '../../../native/build.mjs';
import { loadUdpBatch } from '../../../src/dns/udp-batch.ts';
import { must } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';

/** ELF's names of processors (e_machine). */
const MACHINES = { x64: 62, arm64: 183 } as const;

const missing = await requirePackages([
  'gcc',
  'gcc-aarch64-linux-gnu',
  'libc6-dev-arm64-cross',
  'musl-tools',
]);
const dir = await mkdtemp(join(tmpdir(), 'pharos-prebuilt-'));
after(() => rm(dir, { recursive: true }));

/** Builds it as for the package, with the first compiler that is there. */
function build(arch: keyof typeof MACHINES, flags: readonly string[] = []): string {
  const output = join(dir, `linux-${arch}${flags.join('')}.node`);
  const problems = COMPILERS[arch].map((compiler) => compile(compiler, output, [...PORTABLE, ...flags]));
  assert.ok(problems.includes(undefined), problems.join('; '));
  return output;
}

suite('the addon that the package brings', { skip: missing ?? false }, () => {
  for (const arch of ['x64', 'arm64'] as const) {
    test(`is built for ${arch}`, async () => {
      const elf = await readFile(build(arch));
      assert.equal(elf.toString('latin1', 1, 4), 'ELF');
      assert.equal(elf.readUInt16LE(18), MACHINES[arch]);
      // It names no C library that it would need.
      assert.ok(!elf.includes('libc.so') && !elf.includes('GLIBC_'), 'it is tied to a C library');
    });
  }

  test('works in this Node', { skip: process.arch === 'x64' ? false : `this is ${process.arch}` }, () => {
    const addon = loadUdpBatch([build('x64')]);
    assert.ok(!('absent' in addon), JSON.stringify(addon));
    const socket = addon.open(4, 0, 0, 1 << 16, Uint8Array.of(127, 0, 0, 1));
    assert.ok(addon.portOf(socket) > 0);
    addon.close(socket);
  });

  test(
    'is not taken where it was built for another version, and what is beside it is',
    { skip: process.arch === 'x64' ? false : `this is ${process.arch}` },
    () => {
      const other = build('x64', ['-DREVISION=0']);
      const refused = loadUdpBatch([other]);
      assert.match(
        'absent' in refused ? refused.absent : '',
        /-DREVISION=0\.node was built for another version/,
      );
      assert.ok(!('absent' in loadUdpBatch([other, build('x64')])));
    },
  );

  test(
    'finds all that it needs in musl',
    { skip: process.arch === 'x64' ? false : `this is ${process.arch}` },
    async () => {
      const addon = build('x64');
      // What Node has; everything else must come from the C library of the program that loads it.
      const symbols = await must('nm', ['--dynamic', '--undefined-only', addon]);
      const napi = [...symbols.matchAll(/\bnapi_\w+/g)].map(([name]) => `void ${name}(void) {}`);
      assert.ok(napi.length > 10, symbols);
      const main = `#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  if (argc > 1 && dlopen(argv[1], RTLD_NOW)) { puts("loaded"); return 0; }
  puts(dlerror());
  return 1;
}`;
      await writeFile(join(dir, 'host.c'), `${napi.join('\n')}\n${main}\n`);
      await must('musl-gcc', ['-rdynamic', '-o', join(dir, 'host'), join(dir, 'host.c')]);
      assert.equal(await must(join(dir, 'host'), [addon]), 'loaded\n');
    },
  );
});
