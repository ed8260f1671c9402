import { join } from 'node:path';
import { test } from 'node:test';
import { must } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';

const cwd = join(import.meta.dirname, '../../../coredns-plugin-shim');

test('the CoreDNS plugin stands up to go vet', async () => {
  await must('go', ['vet', '-trimpath', './...'], { cwd, env: { ...process.env, CGO_ENABLED: '0' } });
});

/** The race detector is C, so that the tests need a compiler for that too. */
test(
  "the CoreDNS plugin's own tests pass under the race detector",
  { skip: (await requirePackages(['gcc'])) ?? false },
  async () => {
    const env = { ...process.env, CGO_ENABLED: '1' };
    console.log(
      await must('go', ['test', '-race', '-trimpath', '-count=1', '-timeout=300s', '.'], { cwd, env }),
    );
  },
);
