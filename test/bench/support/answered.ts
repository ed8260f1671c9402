import { createSocket } from 'node:dgram';
import { decode, encode } from 'dns-packet';

/**
 * Asks the server on this port of 127.0.0.1 for A every other millisecond until the answer is this address
 * alone (or, for undefined, is no address). @returns milliseconds.
 */
export async function answered(
  port: number,
  name: string,
  address: string | undefined,
  limitMs = 10_000,
): Promise<number> {
  const started = performance.now();
  const socket = createSocket('udp4');
  const seen = Promise.withResolvers<void>();
  socket.on('message', (bytes) => {
    const addresses = (decode(bytes).answers ?? []).flatMap((record) =>
      record.type === 'A' ? [record.data] : [],
    );
    if (address === undefined ? addresses.length === 0 : addresses.join() === address) seen.resolve();
  });
  const question = encode({ type: 'query', id: 1, questions: [{ type: 'A', name }] });
  const asking = setInterval(() => {
    socket.send(question, port, '127.0.0.1');
  }, 2);
  const late = setTimeout(() => {
    seen.reject(new Error(`${name}: not ${address ?? 'gone'} in ${limitMs / 1000} s`));
  }, limitMs);
  try {
    await seen.promise;
    return performance.now() - started;
  } finally {
    clearInterval(asking);
    clearTimeout(late);
    socket.close();
  }
}

/** The value below which this share of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const quantiles = (values: readonly number[]): string =>
  [
    ...[0.5, 0.99].map((share) => `p${share * 100} ${quantile(values, share).toFixed(0)} ms`),
    `max ${quantile(values, 1).toFixed(0)} ms`,
  ].join(', ');
