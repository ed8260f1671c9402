import type { Context } from './command.ts';

/** Aborts at the first SIGINT or SIGTERM, so that what was made is taken away; the second one ends the process at once. */
export function interruption({ process, stderr }: Pick<Context, 'process' | 'stderr'>): {
  readonly signal: AbortSignal;
  readonly release: () => void;
} {
  const abort = new AbortController();
  const listen = (): void => {
    if (abort.signal.aborted) return process.exit(1);
    stderr.write('\n');
    abort.abort(new Error('called off'));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listen);
  return {
    signal: abort.signal,
    release: () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, listen);
    },
  };
}
