import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClusterId, parseClusterId } from '../api/identity.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ManifestProblem } from './directory-problem.ts';
import { watchFolders } from './directory-watch.ts';
import { StoreError } from './store.ts';

export interface ClusterFolders {
  /** Sorted. */
  readonly clusters: readonly ClusterId[];
  /** Folders whose name is no cluster id. */
  readonly problems: readonly ManifestProblem[];
}

/**
 * The clusters of a folder of clusters: each folder in it is one, named after it.
 * @throws StoreError `unavailable` where the folder cannot be read
 */
export async function listClusterFolders(path: string): Promise<ClusterFolders> {
  const names = await readdir(path).catch((cause: unknown) => {
    throw new StoreError(
      'unavailable',
      `Cannot read the folder ${path}: ${(cause as Error).message}; name one that has a folder for each cluster`,
      { cause },
    );
  });
  const clusters: ClusterId[] = [];
  const problems: ManifestProblem[] = [];
  for (const name of names.sort()) {
    const info = name.startsWith('.') ? undefined : await stat(join(path, name)).catch(() => undefined);
    if (info?.isDirectory() !== true) continue;
    try {
      clusters.push(parseClusterId(name));
    } catch (error) {
      problems.push({ file: name, reason: `this folder is left out: ${(error as Error).message}` });
    }
  }
  return { clusters, problems };
}

/**
 * Calls `onLook` soon after folders came or went, and every few seconds without a reason. While the folder
 * of clusters itself cannot be read nothing is told. The disposer stops it.
 */
export function followClusterFolders(
  path: string,
  clock: Clock,
  onLook: (found: ClusterFolders) => Promise<void>,
): Disposable {
  const watch = watchFolders(path, clock, async () => {
    const found = await listClusterFolders(path).catch(() => undefined);
    watch.follow(found === undefined ? [] : ['']);
    if (found !== undefined) await onLook(found);
  });
  watch.follow(['']);
  return watch;
}
