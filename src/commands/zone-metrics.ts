import type { MetricSource } from '../observability/metric-source.ts';
import type { Zone } from '../zone/zone.ts';

/** What the zone tells of itself. */
export const zoneMetrics = (zone: Zone): readonly MetricSource[] => [
  {
    name: 'pharos_zone_synced',
    help: 'Whether the first full lists are in (1): before that every answer is SERVFAIL.',
    type: 'gauge',
    read: () => Number(zone.synced),
  },
  {
    name: 'pharos_zone_stale',
    help: 'Whether the store has been out of sight for so long that answers are marked as stale (1).',
    type: 'gauge',
    read: () => Number(zone.staleSince !== undefined),
  },
  {
    name: 'pharos_zone_services',
    help: 'Services that have names now.',
    type: 'gauge',
    read: () => zone.serviceCount,
  },
  {
    name: 'pharos_zone_serial',
    help: "The zone's SOA serial; rises with each change.",
    type: 'gauge',
    read: () => zone.serial,
  },
  {
    name: 'pharos_zone_rejected_objects',
    help: 'ServiceImports and EndpointSlices that cannot be used and are left out.',
    type: 'gauge',
    read: () => zone.rejected.size,
  },
];
