import { spawn } from 'node:child_process';
import { join } from 'node:path';

const cli = join(import.meta.dirname, '../../src/cli.ts');

const LIMIT_MS = 60_000;

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as users run it, in a process of its own. */
export interface CliProcess extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with the match as soon as a stream has text that fits; rejects when the process ends, or is silent for long. */
  says(pattern: RegExp, stream?: 'stdout' | 'stderr', limitMs?: number): Promise<RegExpExecArray>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Ended>;
}

export interface CliOptions {
  /** Beside PATH; nothing else is inherited. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program's file, where it is not the checkout's. */
  readonly program?: string;
}

/** Starts `pharos` from the checkout. Disposing it ends it, by force if need be. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const child = spawn(process.execPath, [options.program ?? cli, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...options.variables },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const texts = { stdout: '', stderr: '' };
  const looks = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      texts[stream] += text;
      for (const look of looks) look();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (status) => resolve({ status, ...texts }));
  });
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return texts.stdout;
    },
    get stderr() {
      return texts.stderr;
    },
    says(pattern, stream = 'stdout', limitMs = LIMIT_MS) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = pattern.exec(texts[stream]);
        if (match !== null) resolve(match);
      };
      looks.add(look);
      look();
      const limit = setTimeout(() => {
        reject(new Error(`it does not say ${pattern}, but:\n${texts.stdout}${texts.stderr}`));
      }, limitMs);
      void ended.then(({ status, stdout, stderr }) => {
        reject(new Error(`it ended with ${status} without saying ${pattern}:\n${stdout}${stderr}`));
      });
      return promise.finally(() => {
        clearTimeout(limit);
        looks.delete(look);
      });
    },
    kill: (signal) => void child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs `pharos` to its end. */
export const runCli = (args: readonly string[], options?: CliOptions): Promise<Ended> =>
  startCli(args, options).ended;
