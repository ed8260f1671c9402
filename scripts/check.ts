/**
 * `npm run check`: format, lint, types, import rules and dead code, each a public tool run with the
 * repository's own configuration. All run, whatever fails, so that one call shows everything.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const bin = (name: string): string => join(import.meta.dirname, '../node_modules/.bin', name);

const steps: readonly (readonly [title: string, command: string, args: readonly string[]])[] = [
  ['format', bin('prettier'), ['--check', '--cache', '--cache-strategy=content', '--log-level=warn', '.']],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings']],
  ['types', bin('tsc'), ['-p', '.']],
  ['types of the page’s script', bin('tsc'), ['-p', 'src/page/client']],
  ['import rules', process.execPath, [join(import.meta.dirname, 'layers.ts')]],
  ['dead code', bin('knip'), ['--no-progress']],
];

let failed = 0;
for (const [title, command, args] of steps) {
  const started = performance.now();
  const { status, error } = spawnSync(command, args, {
    cwd: join(import.meta.dirname, '..'),
    stdio: 'inherit',
  });
  if (error) console.error(`check: ${title}: cannot run ${command}: ${error.message}; try: npm ci`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`check: ${title}: ${status === 0 ? 'ok' : 'FAILED'} (${seconds} s)`);
  if (status !== 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
