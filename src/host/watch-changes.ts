import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';

/** Where a change was seen: links, addresses, routes, rules and nexthops; or nftables. */
export type ChangeSource = 'ip' | 'nft';

const COMMANDS: Readonly<Record<ChangeSource, readonly [string, ...string[]]>> = {
  ip: ['ip', '-o', 'monitor', 'link', 'address', 'route', 'rule', 'nexthop'],
  nft: ['nft', 'monitor'],
};

const RESTART_MS = 1000;

export interface ChangeWatch {
  /** Told of every line of the kernel's notice, also of changes of our own; and when a watch (re)starts. */
  readonly onChange: (source: ChangeSource, line: string) => void;
  readonly log: Log;
  readonly clock: Clock;
  /** As for `runner`. */
  readonly prefix?: readonly string[];
}

/**
 * Follows the kernel's notices by `ip monitor` or `nft monitor` until `signal` aborts; starts the program
 * again when it ends. A notice is a hint to look, nothing more: notices may be lost. Never rejects.
 */
export async function watchChanges(
  source: ChangeSource,
  watch: ChangeWatch,
  signal: AbortSignal,
): Promise<void> {
  const [program, ...args] = [...(watch.prefix ?? []), ...COMMANDS[source]];
  while (!signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const child = spawn(program ?? source, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' },
    });
    const stop = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (err) => {
      watch.log.warn({ err, program: source }, 'Cannot follow the changes of this host');
      resolve();
    });
    child.once('close', () => resolve());
    child.once('spawn', () => watch.onChange(source, ''));
    createInterface({ input: child.stdout }).on('line', (text) => watch.onChange(source, text));
    if (signal.aborted) stop();
    await promise;
    signal.removeEventListener('abort', stop);
    await watch.clock.sleep(RESTART_MS, signal);
  }
}
