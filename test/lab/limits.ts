import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';
import { lock } from './lock.ts';

// A node takes about ten inotify instances, a control plane as many more; 128 for all of root's processes
// is a common limit. It is the only setting of the machine that the lab touches.
const parameter = '/proc/sys/fs/inotify/max_user_instances';
const wanted = 1024;
const saved = join(cacheDir, 'inotify-instances-before');

/** Raises the limit for as long as there are labs. The folder of one must exist already. */
export async function raiseLimits(): Promise<void> {
  await using _ = await lock('limits');
  const now = await readFile(parameter, 'utf8');
  if (Number(now) >= wanted) return;
  if (!existsSync(saved)) await writeFile(saved, now);
  await writeFile(parameter, String(wanted));
}

/** Puts the limit back as it was, once `runsDir` holds no lab any more. */
export async function restoreLimits(runsDir: string): Promise<void> {
  if (!existsSync(saved)) return;
  await using _ = await lock('limits');
  if (!existsSync(saved) || (await readdir(runsDir)).length > 0) return;
  await writeFile(parameter, await readFile(saved));
  await rm(saved);
}
