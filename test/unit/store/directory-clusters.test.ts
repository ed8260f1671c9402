import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../../src/runtime/clock.ts';
import {
  type ClusterFolders,
  followClusterFolders,
  listClusterFolders,
} from '../../../src/store/directory-clusters.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pharos-clusters-'));
after(() => rmSync(scratch, { recursive: true }));

test('each folder is a cluster; names that are none are told', async () => {
  const root = join(scratch, 'one');
  for (const name of ['west', 'east', 'My Cluster', '.git']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'README.md'), '');
  const { clusters, problems } = await listClusterFolders(root);
  assert.deepEqual(clusters, ['east', 'west']);
  assert.deepEqual(
    problems.map(({ file }) => file),
    ['My Cluster'],
  );
  assert.match(problems[0]?.reason ?? '', /^this folder is left out: "My Cluster" is not a cluster id/);
});

test('a folder that cannot be read says so', async () => {
  const path = join(scratch, 'nowhere');
  await assert.rejects(listClusterFolders(path), { message: /^Cannot read the folder .*nowhere: ENOENT/ });
});

test('clusters that come and go are told', async () => {
  const root = join(scratch, 'two');
  mkdirSync(join(root, 'west'), { recursive: true });
  let look: (found: ClusterFolders) => void = () => {};
  const told = (wanted: string): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    look = ({ clusters }) => clusters.join(' ') === wanted && resolve();
    return promise;
  };
  const first = told('west');
  using _ = followClusterFolders(root, systemClock, async (found) => look(found));
  await first;
  const second = told('east west');
  mkdirSync(join(root, 'east'));
  await second;
  const third = told('east');
  renameSync(join(root, 'west'), join(scratch, 'aside'));
  await third;
});
