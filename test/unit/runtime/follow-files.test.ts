import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { followFiles } from '../../../src/runtime/follow-files.ts';
import { systemClock } from '../../../src/runtime/clock.ts';

test('each new content is told once, what cannot be used too, and the file may be a link that is exchanged', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pharos-follow-'));
  const path = join(dir, 'secret');
  await writeFile(join(dir, 'one'), 'one');
  await writeFile(join(dir, 'two'), 'two');
  await symlink(join(dir, 'one'), path);
  const told: string[] = [];
  const problems: string[] = [];
  // Each look of the follower waits here until the test lets it.
  let look = Promise.withResolvers<void>();
  let looked = Promise.withResolvers<void>();
  const clock = {
    ...systemClock,
    sleep: () => {
      looked.resolve();
      return look.promise;
    },
  };
  const again = async (): Promise<void> => {
    const go = look;
    look = Promise.withResolvers();
    looked = Promise.withResolvers();
    go.resolve();
    await looked.promise;
  };
  const end = new AbortController();
  await followFiles(
    {
      paths: [path],
      clock,
      onContent: ([content]) => {
        if (String(content) === 'bad') throw new Error('not usable');
        told.push(String(content));
      },
      onProblem: (error) => problems.push((error as Error).message),
    },
    end.signal,
  );
  await again();
  await unlink(path);
  await again();
  await symlink(join(dir, 'two'), path);
  await again();
  await writeFile(join(dir, 'two'), 'bad');
  await again();
  await again();
  await writeFile(join(dir, 'two'), 'three');
  await again();
  assert.deepEqual(told, ['one', 'two', 'three']);
  assert.deepEqual([problems.length, problems[1]], [2, 'not usable']);
  end.abort();
  look.resolve();
  await rm(dir, { recursive: true });
  await assert.rejects(
    followFiles({ paths: [path], clock, onContent: () => {}, onProblem: () => {} }, end.signal),
    /ENOENT/,
  );
});
