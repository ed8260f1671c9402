import { existsSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './wait.ts';

const root = '/sys/fs/cgroup';

/** Name of the control group, in each hierarchy, under which all of a lab's are. */
export const cgroupOf = (lab: string): string => `pharos-lab-${lab}`;

/** The mounted hierarchies: one with cgroup v2 alone, one per controller with v1. */
export async function hierarchies(): Promise<string[]> {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  // Links (cpu → cpu,cpuacct) name a hierarchy again.
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name));
}

async function removeTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(dir, entry.name));
  }
  await rmdir(dir);
}

/** Removes the lab's control groups (or those of `below` within), whose processes have ended or are about to. */
export async function removeCgroups(lab: string, below = ''): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const dir = join(hierarchy, cgroupOf(lab), below);
    if (!existsSync(dir)) continue;
    // Busy until the last process in it has been reaped.
    await until(`removal of ${dir}`, 15_000, async () => {
      await removeTree(dir);
      return true;
    });
  }
}
