import { reverseZonesOf } from '../api/reverse-zones-of.ts';
import type { Values } from '../config/flag.ts';
import type { dnsSpec } from '../config/specs/dns.ts';
import { Notifier } from '../dns/transfer/notifier.ts';
import { Transfers } from '../dns/transfer/transfers.ts';
import { ZoneFollower } from '../dns/transfer/zone-follower.ts';
import type { Signing } from '../dns/tsig-keys.ts';
import type { Log } from '../observability/log.ts';
import type { MetricSource, Sample } from '../observability/metric-source.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Zone } from '../zone/zone.ts';
import { UserError } from './user-error.ts';

export interface Secondaries {
  readonly transfer: (query: Buffer) => AsyncIterable<Buffer>;
  readonly metrics: readonly MetricSource[];
  close(): void;
}

/**
 * What secondaries need of this server; nothing is kept for them where there can be none.
 * @throws UserError where one would be told of changes that it may not fetch
 */
export function followSecondaries(
  values: Values<typeof dnsSpec>,
  signing: Signing | undefined,
  zone: Zone,
  clock: Clock,
  log: Log,
): Secondaries | undefined {
  if (values.allowTransfer.length === 0) {
    if (values.transferKeyFile !== undefined) {
      throw new UserError(
        '--transfer-key-file is for transfers, which none may have: add --allow-transfer NETWORK',
      );
    }
    if (values.notify.length === 0) return undefined;
    throw new UserError(
      '--notify tells secondaries of changes, but none may fetch them: add --allow-transfer NETWORK',
    );
  }
  const notifier = new Notifier(values.notify, { follower: () => follower, clock, log, signing });
  const zones = [...values.zone, ...values.clustersetCidr.flatMap(reverseZonesOf)];
  const follower = new ZoneFollower(zone, zones, () => notifier.tell());
  const transfers = new Transfers(follower, signing);
  return {
    transfer: (query) => transfers.open(query),
    metrics: [transferMetric(transfers)],
    close() {
      notifier.close();
      follower.close();
    },
  };
}

export const transferMetric = (transfers: Pick<Transfers, 'counts'>): MetricSource => ({
  name: 'pharos_dns_transfers_total',
  help: 'Zone transfers begun: of the whole zone, of steps, of nothing new, and refused ones.',
  type: 'counter',
  labels: ['outcome'],
  read: (): Sample[] =>
    Object.entries(transfers.counts).map(([outcome, value]) => ({ labels: { outcome }, value })),
});
