/** Which of the ways to read and write UDP is taken. */
import type { DnsServerOptions } from '../dns/server.ts';
import { loadUdpBatch } from '../dns/udp-batch.ts';
import type { Log } from '../observability/log.ts';
import { UserError } from './user-error.ts';

/** @throws UserError where batches were asked for and cannot be had */
export function udpWay(
  { udp, workers }: { readonly udp: 'auto' | 'batched' | 'dgram'; readonly workers: number },
  log: Log,
): Pick<DnsServerOptions, 'batched'> {
  if (udp === 'dgram') return {};
  const addon = loadUdpBatch();
  if (!('absent' in addon)) return { batched: { addon, workers } };
  if (udp === 'batched') {
    throw new UserError(
      `Cannot answer UDP in batches (--udp batched): the addon is missing: ${addon.absent}; install a C compiler and Pharos again, or take --udp auto`,
    );
  }
  log.warn(
    { reason: addon.absent },
    'UDP is answered packet by packet, in one thread: the addon for batches is missing',
  );
  return {};
}
