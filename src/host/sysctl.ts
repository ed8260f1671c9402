import { readFile, writeFile } from 'node:fs/promises';
import { CommandError, type Run } from './run.ts';

/** Kernel parameters of a network namespace, named as in `sysctl`, but with `/` between: `net/ipv4/ip_forward`. */
export interface Sysctls {
  /** The value, or undefined where the kernel has no such parameter (its device is gone, for one). */
  read(name: string): Promise<string | undefined>;
  /** Setting what is not there is no error: answers whether it was. */
  write(name: string, value: string): Promise<boolean>;
}

/** Path elements, so that no name leads out of /proc/sys. */
const NAME = /^[A-Za-z0-9_.@-]+(\/[A-Za-z0-9_.@-]+)*$/;

/** Where a kernel shows its parameters. */
const SYSCTL_DIR = '/proc/sys';

function pathOf(name: string, dir = SYSCTL_DIR): string {
  if (!NAME.test(name) || name.split('/').includes('..')) {
    throw new Error(`${JSON.stringify(name)} is no kernel parameter`);
  }
  return `${dir}/${name}`;
}

const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'EINVAL', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '');

/**
 * Those of this process's own network namespace.
 * @param dir a container has them read-only in their usual place, unless it is privileged, and may have them elsewhere
 */
export const systemSysctls = (dir = SYSCTL_DIR): Sysctls => ({
  async read(name) {
    try {
      return (await readFile(pathOf(name, dir), 'utf8')).trim();
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  },
  async write(name, value) {
    try {
      await writeFile(pathOf(name, dir), value);
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  },
});

/** Those of the namespace that `run` runs programs in: /proc/sys/net shows each process its own. */
export function sysctlsBy(run: Run): Sysctls {
  const orAbsent = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof CommandError && /No such (file|device)|Invalid argument/.test(error.stderr)) {
        return undefined;
      }
      throw error;
    }
  };
  return {
    read: async (name) => (await orAbsent(run('cat', [pathOf(name)])))?.trim(),
    write: async (name, value) =>
      (await orAbsent(run('tee', [pathOf(name)], { input: value }))) !== undefined,
  };
}
