/**
 * Builds the addon, native/udp-batch.c. It is JavaScript, since it runs where Pharos is installed, and Node strips no
 * types there.
 *
 *   node native/build.mjs              for this machine, into native/build/
 *   node native/build.mjs --install    the same, unless what was built before will do; never fails
 *   node native/build.mjs --prebuild   for all machines that there is a compiler for, into native/prebuilt/
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const here = import.meta.dirname;

const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-shared', '-fPIC', '-fno-stack-protector'];
/**
 * Without a C library of its own the addon takes the functions that it needs from Node's, whichever that is: the same
 * file serves glibc and musl.
 */
export const PORTABLE = ['-nostdlib', '-Wl,--unresolved-symbols=ignore-all', '-s'];

/** Node's name of the processor → compilers for it. */
export const COMPILERS = {
  x64: ['x86_64-linux-gnu-gcc', ...(process.arch === 'x64' ? ['gcc', 'cc'] : [])],
  arm64: ['aarch64-linux-gnu-gcc', ...(process.arch === 'arm64' ? ['gcc', 'cc'] : [])],
};

/** @returns what went wrong, or undefined */
export function compile(compiler, output, flags = []) {
  const include = join(dirname(require.resolve('node-api-headers/package.json')), 'include');
  mkdirSync(dirname(output), { recursive: true });
  const args = [...FLAGS, ...flags, '-I', include, '-o', output, join(here, 'udp-batch.c')];
  const { status, error, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
  if (error !== undefined) return error.code === 'ENOENT' ? `there is no ${compiler}` : error.message;
  return status === 0 ? undefined : `${compiler}: ${stderr}`;
}

function buildHere() {
  if (process.platform !== 'linux') return 'it is for Linux alone';
  return compile(process.env.CC ?? 'cc', join(here, 'build/udp-batch.node'));
}

function prebuiltWorks() {
  const place = join(here, `prebuilt/${process.platform}-${process.arch}.node`);
  if (!existsSync(place)) return false;
  try {
    const [, revision] = /#define REVISION (\d+)/.exec(readFileSync(join(here, 'udp-batch.c'), 'utf8'));
    return require(place).revision === Number(revision);
  } catch {
    return false;
  }
}

if (import.meta.main) {
  if (process.argv.includes('--prebuild')) {
    for (const [arch, compilers] of Object.entries(COMPILERS)) {
      const output = join(here, `prebuilt/linux-${arch}.node`);
      const problems = compilers.map((compiler) => compile(compiler, output, PORTABLE));
      const built = problems.includes(undefined);
      console.error(`native: linux-${arch}: ${built ? output : problems.join('; ')}`);
    }
  } else if (!process.argv.includes('--install') || !prebuiltWorks()) {
    const problem = buildHere();
    if (problem !== undefined) {
      console.error(`native: UDP will go packet by packet, the addon cannot be built: ${problem}`);
      if (!process.argv.includes('--install')) process.exitCode = 1;
    }
  }
}
