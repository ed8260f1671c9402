import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';

export interface ProgramOptions {
  /** For the names of its files. */
  readonly name: string;
  /** Where they are. */
  readonly dir: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** In its environment: which one of ours it is. A process id alone may be somebody else's by now. */
const MARK = 'PHAROS_PROGRAM';
const STOP_MS = 5000;
const LOOK_EVERY_MS = 20;

/**
 * A program that carries packets: it goes on when the process that started it ends, however that ends, and
 * the next one finds it again.
 */
export class DetachedProgram {
  readonly #options: ProgramOptions;
  readonly #mark: string;
  readonly #pidFile: string;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#mark = `${MARK}=${options.dir}/${options.name}`;
    this.#pidFile = join(options.dir, `${options.name}.pid`);
  }

  /** Its process id; undefined where it does not run. */
  async pid(): Promise<number | undefined> {
    try {
      const pid = Number(await readFile(this.#pidFile, 'utf8'));
      if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      return environment.split('\0').includes(this.#mark) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Starts it, also where one runs already: look first. @throws Error where it cannot be started */
  async start(): Promise<void> {
    const { dir, name, file, args, env } = this.#options;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const out = openSync(join(dir, `${name}.out`), 'w', 0o600);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const [key = MARK, value = ''] = this.#mark.split('=');
    try {
      const child = spawn(file, args, {
        detached: true,
        stdio: ['ignore', out, out],
        env: { ...process.env, ...env, [key]: value },
        cwd: '/',
      });
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.unref();
    } finally {
      closeSync(out);
    }
    await writeFile(this.#pidFile, `${await promise}\n`, { mode: 0o600 });
  }

  /** What it wrote last, for errors. */
  async said(): Promise<string> {
    const { dir, name } = this.#options;
    return (await readFile(join(dir, `${name}.out`), 'utf8').catch(() => '')).trim().slice(-500);
  }

  /** Ends it, in the end by force. Ending what does not run is a success. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    const pid = await this.pid();
    if (pid !== undefined) {
      kill(pid, 'SIGTERM');
      const end = clock.monotonic() + STOP_MS;
      while ((await this.pid()) !== undefined) {
        if (clock.monotonic() >= end) kill(pid, 'SIGKILL');
        await clock.sleep(LOOK_EVERY_MS);
      }
    }
    await rm(this.#pidFile, { force: true });
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
