import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';
import { removeCgroups } from './cgroups.ts';
import { restoreLimits } from './limits.ts';
import { lock, tryLock, type Lock } from './lock.ts';
import { killProcesses } from './processes.ts';

const runsDir = join(cacheDir, 'run');

/** What one open lab owns on this machine: a folder, processes with its mark, control groups of its name. */
export interface Run extends AsyncDisposable {
  readonly id: string;
  /** Everything the lab writes: logs, keys, data. Goes with the lab. */
  readonly dir: string;
}

/** Takes away all that lab `id` could have made. Needs no memory of it; may be repeated. */
export async function tearDown(id: string): Promise<void> {
  await killProcesses(id);
  await removeCgroups(id);
  await rm(join(runsDir, id), { recursive: true, force: true, maxRetries: 5 });
  await restoreLimits(runsDir);
}

/** Takes away what labs left whose owners are dead; answers their ids. A living owner holds the lock of its id. */
export async function sweep(): Promise<string[]> {
  const swept: string[] = [];
  await mkdir(runsDir, { recursive: true });
  for (const id of await readdir(runsDir)) {
    const held: Lock | undefined = await tryLock(id);
    if (!held) continue;
    await using _ = held;
    await tearDown(id);
    swept.push(id);
  }
  return swept;
}

/** Starts a run of its own, and a watchdog that tears it down should this process die without doing so. */
export async function beginRun(name: string): Promise<Run> {
  await sweep();
  const id = `${name}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const dir = join(runsDir, id);
  const held = await lock(id);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // The pipe to it closes with this process, and only then: that is what it waits for.
  const watchdog = spawn(process.execPath, [join(import.meta.dirname, 'watchdog.ts'), id], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  // A socket of Node's underneath, though the type says only Writable.
  const lifeline = watchdog.stdin as unknown as { unref(): void; end(): void };
  lifeline.unref();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await tearDown(id);
    await held[Symbol.asyncDispose]();
    watchdog.ref();
    const ended = new Promise((resolve) => watchdog.once('exit', resolve));
    lifeline.end();
    if (watchdog.exitCode === null && watchdog.signalCode === null) await ended;
  };
  return {
    id,
    dir,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/** Called by the watchdog when the lifeline is cut: waits until the owner is gone, and cleans up after it. */
export async function tearDownAfterOwner(id: string): Promise<void> {
  await using _ = await lock(id);
  await tearDown(id);
}
