import type { Context } from './command.ts';

/**
 * Runs what can be called off: the first SIGINT or SIGTERM aborts its signal, so that what it made is taken away, and
 * the second one ends the process at once.
 *
 * @returns undefined where it was called off
 */
export async function untilCalledOff<T>(
  { process, stderr }: Pick<Context, 'process' | 'stderr'>,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const abort = new AbortController();
  const listen = (): void => {
    if (abort.signal.aborted) return process.exit(1);
    stderr.write('\n');
    abort.abort(new Error('called off'));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listen);
  try {
    return await run(abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    stderr.write('called off\n');
    return undefined;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, listen);
  }
}
