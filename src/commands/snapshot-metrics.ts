import type { MetricSource } from '../observability/metric-source.ts';
import type { SnapshotCounters } from '../store/snapshot-store.ts';

/** What a server that keeps a snapshot tells of it. */
export const snapshotMetrics = (counters: SnapshotCounters): readonly MetricSource[] => [
  {
    name: 'pharos_dns_snapshot_timestamp_seconds',
    help: 'When the snapshot was written, in seconds since 1970; 0 = there is none.',
    type: 'gauge',
    read: () => counters.savedAt / 1000,
  },
  {
    name: 'pharos_dns_snapshot_bytes',
    help: 'Length of the snapshot when it was written last.',
    type: 'gauge',
    read: () => counters.bytes,
  },
  {
    name: 'pharos_dns_snapshot_writes_total',
    help: 'How often the snapshot was written.',
    type: 'counter',
    read: () => counters.writes,
  },
  {
    name: 'pharos_dns_snapshot_failures_total',
    help: 'How often the snapshot could not be written.',
    type: 'counter',
    read: () => counters.failures,
  },
];
