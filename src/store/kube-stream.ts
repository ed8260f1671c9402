import type { IncomingMessage } from 'node:http';
import type { Clock } from '../runtime/clock.ts';
import { failureOfError, KubeFailure } from './kube-failure.ts';
import { LineSplitter } from './line-splitter.ts';

/** etcd takes objects of 1.5 MB; more than ten times that is no object. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** The `reason` of the failure when nothing came any more. */
export const STALLED = 'Stalled';

export interface ReadLinesOptions {
  readonly clock: Clock;
  /** The connection is cut when no byte comes for so long; asked again as the stream goes on. */
  readonly stallMs: () => number;
  readonly signal: AbortSignal;
}

/**
 * Calls `onLine` with each line as it arrives. Resolves when the server ends the answer properly or
 * `signal` aborts; an unfinished last line is dropped. Rejects with a {@link KubeFailure} when the
 * connection breaks or stalls, and with what `onLine` throws. The answer is destroyed in all cases.
 */
export async function readLines(
  response: IncomingMessage,
  onLine: (line: string) => void,
  { clock, stallMs, signal }: ReadLinesOptions,
): Promise<void> {
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let lastByteAt = clock.monotonic();
  let cancelStall: () => void;
  const watchStall = (): void => {
    const limitMs = stallMs();
    const leftMs = lastByteAt + limitMs - clock.monotonic();
    if (leftMs > 0) cancelStall = clock.after(leftMs, watchStall);
    else reject(new KubeFailure(`not a byte for ${limitMs / 1000} s`, { reason: STALLED }));
  };
  cancelStall = clock.after(stallMs(), watchStall);
  const onAbort = (): void => resolve();
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  response.on('data', (chunk: Buffer) => {
    if (signal.aborted) return;
    lastByteAt = clock.monotonic();
    try {
      splitter.push(chunk, onLine);
    } catch (error) {
      reject(error);
      response.destroy();
    }
  });
  response.on('end', () => resolve());
  response.on('error', (error) => reject(failureOfError(error)));
  response.on('close', () => reject(new KubeFailure('the connection was lost')));
  try {
    await promise;
  } finally {
    cancelStall();
    signal.removeEventListener('abort', onAbort);
    response.destroy();
  }
}
