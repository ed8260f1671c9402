/**
 * `npm test`: every test there is. The house rules and unit tests run while the real parts (Kubernetes,
 * etcd, CoreDNS) are built or found in the cache; integration and end-to-end tests follow: of the first two
 * files at a time, since they wait more than they compute, of the second one, since each starts whole clusters.
 *
 *   npm test                     everything
 *   npm test -- unit             one stage: check, unit, integration or e2e
 *   npm test -- e2e tunnel       of that stage, the files whose path has "tunnel" in it
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = join(import.meta.dirname, '..');
const [stage, filter = ''] = process.argv.slice(2);
const stages = ['check', 'unit', 'integration', 'e2e'];
if (stage !== undefined && !stages.includes(stage)) {
  console.error(`npm test: no stage is called "${stage}"; there are: ${stages.join(', ')}`);
  process.exit(2);
}
const wanted = (name: string): boolean => stage === undefined || stage === name;
/** Files that take this long are named at the end of a stage: there is the time to be saved. */
const SLOW_SECONDS = 15;
const totals = { passed: 0, failed: 0, skipped: 0 };

/** Runs a script of ours to its end; its output goes straight to the terminal. */
function script(...args: string[]): Promise<boolean> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((done) => {
    child.on('close', (code) => done(code === 0));
  });
}

async function tests(folder: string, concurrency: number): Promise<void> {
  const files = globSync(`test/${folder}/**/*.test.ts`, { cwd: root })
    .filter((file) => file.includes(filter))
    .sort()
    .map((file) => join(root, file));
  if (files.length === 0) return;
  const started = performance.now();
  const stream = run({ files, concurrency, timeout: 900_000 });
  const took: [file: string, seconds: number][] = [];
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) {
      took.push([relative(root, summary.file), summary.duration_ms / 1000]);
      return;
    }
    totals.passed += summary.counts.passed;
    totals.failed +=
      summary.counts.tests - summary.counts.passed - summary.counts.skipped - summary.counts.todo;
    totals.skipped += summary.counts.skipped + summary.counts.todo;
  });
  for await (const chunk of stream.compose(spec)) process.stdout.write(chunk);
  console.log(`npm test: ${folder}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const slow = took.filter(([, seconds]) => seconds >= SLOW_SECONDS).sort(([, a], [, b]) => b - a);
  for (const [file, seconds] of slow) console.log(`npm test: ${seconds.toFixed(0).padStart(5)} s  ${file}`);
}

/** A stage that is one command counts as one test. */
function count(title: string, ok: boolean): boolean {
  if (ok) totals.passed++;
  else totals.failed++;
  if (!ok) console.error(`npm test: ${title} FAILED`);
  return ok;
}

const needsParts = wanted('integration') || wanted('e2e');
const parts = needsParts ? script('test/lab/main.ts', 'build') : Promise.resolve(true);
if (wanted('check')) count('npm run check', await script('scripts/check.ts'));
if (wanted('unit')) await tests('unit', 2);
if (needsParts && count('building the real parts', await parts)) {
  if (wanted('integration')) await tests('integration', 2);
  if (wanted('e2e')) await tests('e2e', 1);
}

console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
