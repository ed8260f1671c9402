import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../lab/ports.ts';
import { GivenUp, until } from '../lab/wait.ts';

const cli = join(import.meta.dirname, '../../src/cli.ts');

/** Runs a command of Pharos to its end. @throws where it fails, with what it said. */
export async function pharos(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args]);
  return stdout;
}

/** A running `pharos` process, as users start it. */
export interface PharosProcess extends AsyncDisposable {
  readonly pid: number;
  /** Base of /healthz, /readyz and /metrics. */
  readonly metricsUrl: string;
  /** All that it wrote to stderr so far: its log. */
  log(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit status when it has ended (null where a signal ended it). */
  readonly ended: Promise<number | null>;
  /** Resolves when /readyz says yes. */
  ready(timeoutMs?: number): Promise<void>;
}

/** Starts a long-running command of Pharos from the checkout, with a free port for its metrics. */
export async function startPharos(...args: string[]): Promise<PharosProcess> {
  const metrics = `127.0.0.1:${await freePort()}`;
  const child = spawn(process.execPath, [cli, ...args, '--metrics-listen', metrics], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      resolve(code);
    });
  });
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  if (child.pid === undefined) throw new Error(`cannot start ${process.execPath}`);
  return {
    pid: child.pid,
    metricsUrl: `http://${metrics}`,
    log: () => log,
    kill: (signal) => {
      if (isRunning()) child.kill(signal);
    },
    ended,
    ready: (timeoutMs = 30_000) =>
      until(`pharos ${args[0]} ready`, timeoutMs, async () => {
        if (!isRunning()) throw new GivenUp(`pharos ${args[0]} has ended:\n${log}`);
        const ok = await fetch(`http://${metrics}/readyz`).then(
          (response) => response.ok,
          () => false,
        );
        if (!ok) throw new Error(`its log says:\n${log}`);
        return true;
      }).then(() => {}),
    async [Symbol.asyncDispose]() {
      if (isRunning()) child.kill('SIGTERM');
      await ended;
    },
  };
}
