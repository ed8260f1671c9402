import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { until } from './wait.ts';

// Every process of a lab carries the lab's id in its environment, and so do those that it starts. They are
// found again by that, with no list that could be out of date and no process id that could be someone else's.
const markName = 'PHAROS_LAB_RUN';

/** Live processes of the lab `id`, this process never among them. */
export async function findProcesses(id: string): Promise<number[]> {
  const mark = `${markName}=${id}`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const found = await Promise.all(
    pids.map(async (pid) => {
      try {
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
        return environment.split('\0').includes(mark);
      } catch {
        // Gone meanwhile, or another user's.
        return false;
      }
    }),
  );
  return pids.filter((_, index) => found[index]).map(Number);
}

/** Ends all processes of the lab `id` at once; resolves when none is left. */
export async function killProcesses(id: string): Promise<void> {
  let round = 0;
  await until(
    `end of the processes of lab ${id}`,
    30_000,
    async () => {
      const pids = await findProcesses(id);
      const spared = round++ < 50 ? await Promise.all(pids.map(standsForAnother)) : [];
      for (const [index, pid] of pids.entries()) if (!spared[index]) kill(pid);
      return pids.length === 0 ? true : undefined;
    },
    10,
  );
}

/** An nsenter or unshare ends with the process of another PID namespace that it stands for, and only it can reap that. */
async function standsForAnother(pid: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return ['nsenter', 'unshare'].includes(name.trim());
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export interface DaemonOptions {
  /** The lab whose process this is. */
  readonly lab: string;
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A process that runs until it is stopped, its output in a file. */
export class Daemon {
  readonly name: string;
  readonly logFile: string;
  readonly #ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;

  constructor(file: string, args: readonly string[], name: string, options: DaemonOptions) {
    this.name = name;
    this.logFile = options.logFile;
    mkdirSync(dirname(options.logFile), { recursive: true });
    const log = openSync(options.logFile, 'a');
    try {
      this.#child = spawn(file, args, {
        // In a session of its own: Ctrl-C in a terminal is for the lab's owner, who stops things in order.
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...cleanEnvironment(), ...options.env, [markName]: options.lab },
        cwd: options.cwd ?? '/',
      });
    } finally {
      closeSync(log);
    }
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => resolve(code ?? signal ?? -1));
    });
    // That it could not start is told by whoever waits for what it serves.
    this.#ended.catch(() => {});
    this.#child.unref();
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.name} could not be started`);
    return pid;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with its status or signal when it has ended, for whatever reason; rejects where it never started. */
  async ended(): Promise<number | NodeJS.Signals> {
    // Only who waits for it keeps this process from ending before it.
    this.#child.ref();
    return this.#ended;
  }

  /** Sends the signal, and after ten seconds SIGKILL; resolves when the process is gone. Repeatable. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.ended();
    clearTimeout(timer);
  }

  /** What it wrote last, for error messages. */
  tail(lines = 15): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}

/** Only what a program needs: no proxy, no kubeconfig, no setting of the developer's shell changes a lab. */
export function cleanEnvironment(): Record<string, string> {
  return {
    PATH: [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(':'),
    LANG: 'C.UTF-8',
  };
}
