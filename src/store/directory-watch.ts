/** Follows the files below a folder: which there are, and which of them may have changed. */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import type { Clock } from '../runtime/clock.ts';

/** How long it must have been quiet: editors write a file in several steps. */
const QUIET_MS = 30;
/** What keeps being written is looked at all the same, this long after the first change. */
const PATIENCE_MS = 120;
/** Events get lost (network file systems, overflowing queues): look without one this often. */
const LOOK_MS = 2000;

export interface Tree {
  /** path relative to the root → a stamp that differs when the file has changed */
  readonly files: ReadonlyMap<string, string>;
  /** Relative paths, the root's own '' included. */
  readonly folders: readonly string[];
}

/**
 * Lists a folder at any depth; names that begin with a dot are left out, links to files are followed, links
 * to folders are not. What vanishes meanwhile is left out.
 * @throws Error where the folder itself cannot be read
 */
export async function listTree(root: string, wanted: (name: string) => boolean): Promise<Tree> {
  const files = new Map<string, string>();
  const folders = [''];
  for (const folder of folders) {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
      if (folder === '') throw error;
      return [];
    });
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (wanted(entry.name)) {
        const info = await stat(join(root, path), { bigint: true }).catch(() => undefined);
        if (info?.isFile() === true) files.set(path, `${info.ino} ${info.size} ${info.mtimeNs}`);
      }
    }
  }
  return { files, folders };
}

export interface FolderWatch extends Disposable {
  /** Watches exactly these folders from now on, relative to the root. */
  follow(folders: readonly string[]): void;
}

/**
 * Calls `look` soon after something in the followed folders may have changed, with the paths that were
 * named by then, and every few seconds without a reason. One call at a time.
 */
export function watchFolders(
  root: string,
  clock: Clock,
  look: (named: ReadonlySet<string>) => Promise<void>,
): FolderWatch {
  const watchers = new Map<string, FSWatcher>(); // folder → its watcher
  let named = new Set<string>();
  let firstAt: number | undefined; // when the oldest change came that was not looked at
  let looking = false;
  let closed = false;
  let cancel = clock.after(LOOK_MS, () => void run());

  async function run(): Promise<void> {
    cancel();
    const paths = named;
    named = new Set();
    firstAt = undefined;
    looking = true;
    try {
      await look(paths);
    } finally {
      looking = false;
      schedule();
    }
  }

  function schedule(): void {
    if (closed || looking) return;
    cancel();
    const now = clock.monotonic();
    const delay =
      firstAt === undefined ? LOOK_MS : Math.min(QUIET_MS, Math.max(0, firstAt + PATIENCE_MS - now));
    cancel = clock.after(delay, () => void run());
  }

  function changed(folder: string, name: string | null): void {
    if (name !== null) {
      const path = join(folder, name);
      named.add(path);
      // A folder that was moved or replaced: its watcher, and those below it, follow what is not here.
      // (A folder's own removal comes with its own name.)
      forget(folder === '' && name === basename(root) ? '' : path);
    }
    firstAt ??= clock.monotonic();
    schedule();
  }

  function forget(path: string): void {
    for (const [folder, watcher] of watchers) {
      if (path !== '' && folder !== path && !folder.startsWith(path + sep)) continue;
      watcher.close();
      watchers.delete(folder);
    }
  }

  return {
    follow(folders) {
      const wanted = new Set(folders);
      for (const folder of watchers.keys()) if (!wanted.has(folder)) forget(folder);
      for (const folder of wanted) {
        if (closed || watchers.has(folder)) continue;
        try {
          const watcher = watch(join(root, folder), (_event, name) => changed(folder, name));
          // A folder that vanished: the next look finds out.
          watcher.on('error', () => forget(folder));
          watchers.set(folder, watcher);
          // What was written between the listing and now has no event.
          changed(folder, null);
        } catch {
          // Gone since it was listed, or no watches left: the regular look has to do.
        }
      }
    },
    [Symbol.dispose]() {
      closed = true;
      cancel();
      forget('');
    },
  };
}
