import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
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

/** Makes a group for a node below the lab's, with all that kubelet wants to find in it. */
export async function makeNodeCgroup(lab: string, node: string): Promise<string> {
  const relative = join(cgroupOf(lab), node);
  for (const hierarchy of await hierarchies()) {
    await mkdir(join(hierarchy, relative), { recursive: true });
    if (existsSync(join(hierarchy, 'cpuset.cpus'))) await copyCpuset(hierarchy, relative);
    if (existsSync(join(hierarchy, 'cgroup.controllers'))) await delegate(hierarchy, relative);
  }
  return relative;
}

const withParents = (relative: string): string[] =>
  relative.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));

/** v1: a group of the cpuset hierarchy is born with no processor and no memory, and takes no process until it has some. */
async function copyCpuset(hierarchy: string, relative: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const value = await readFile(join(hierarchy, file));
    for (const dir of withParents(relative)) await writeFile(join(hierarchy, dir, file), value);
  }
}

/** v2: a controller works in a group once its parent says so. */
async function delegate(hierarchy: string, relative: string): Promise<void> {
  for (const dir of ['', ...withParents(relative)]) {
    const controllers = await readFile(join(hierarchy, dir, 'cgroup.controllers'), 'utf8');
    const all = controllers.trim().split(' ').filter(Boolean);
    if (all.length === 0) continue;
    await writeFile(
      join(hierarchy, dir, 'cgroup.subtree_control'),
      all.map((controller) => `+${controller}`).join(' '),
    );
  }
}
