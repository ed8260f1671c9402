import { freePort } from '../lab/ports.ts';
import { GivenUp, until } from '../lab/wait.ts';
import { runCli, startCli } from './cli-process.ts';

/** Runs a command of Pharos to its end. @throws where it fails, with what it said. */
export async function pharos(...args: string[]): Promise<void> {
  const { status, stderr } = await runCli(args);
  if (status !== 0) throw new Error(`pharos ${args[0]}: exit ${status}: ${stderr}`);
}

/** Ten times what it gives itself. */
const STAYS_MS = 50_000;

/** A long-running `pharos` process, as users start it. Disposing it ends it by SIGTERM. */
export interface PharosProcess extends AsyncDisposable {
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
  const child = startCli([...args, '--metrics-listen', metrics]);
  let running = true;
  void child.ended.then(() => {
    running = false;
  });
  return {
    metricsUrl: `http://${metrics}`,
    log: () => child.stderr,
    kill: child.kill,
    ended: child.ended.then(({ status }) => status),
    ready: (timeoutMs = 30_000) =>
      until(`pharos ${args[0]} ready`, timeoutMs, async () => {
        if (!running) throw new GivenUp(`pharos ${args[0]} has ended:\n${child.stderr}`);
        const ok = await fetch(`http://${metrics}/readyz`).then(
          (response) => response.ok,
          () => false,
        );
        if (!ok) throw new Error(`its log says:\n${child.stderr}`);
        return true;
      }).then(() => {}),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      let stayed = false;
      const timer = setTimeout(() => {
        stayed = true;
        child.kill('SIGKILL');
      }, STAYS_MS);
      await child.ended;
      clearTimeout(timer);
      if (stayed) throw new Error(`pharos ${args[0]} did not end by SIGTERM; its log says:\n${child.stderr}`);
    },
  };
}
