import type { MetricSource } from '../observability/metric-source.ts';
import type { PublisherCounters } from '../store/redis-publisher.ts';
import type { RedisCounters } from '../store/redis.ts';

/** What a process that publishes to Redis tells of it. */
export const publisherMetrics = (publisher: {
  readonly counters: PublisherCounters;
  readonly objects: { readonly wanted: number; readonly pending: number };
}): readonly MetricSource[] => [
  {
    name: 'pharos_agent_publish_objects',
    help: 'Objects that Redis should hold.',
    type: 'gauge',
    read: () => publisher.objects.wanted,
  },
  {
    name: 'pharos_agent_publish_pending_objects',
    help: 'Objects that Redis is not known to hold as they are now.',
    type: 'gauge',
    read: () => publisher.objects.pending,
  },
  {
    name: 'pharos_agent_publish_generation',
    help: 'Generation of the state that was written last; 0 = none yet.',
    type: 'gauge',
    read: () => publisher.counters.generation,
  },
  {
    name: 'pharos_agent_publish_fenced',
    help: 'Whether an agent with a later leadership publishes, so that this one writes nothing (1).',
    type: 'gauge',
    read: () => Number(publisher.counters.fenced),
  },
  {
    name: 'pharos_agent_publish_writes_total',
    help: 'Atomic writes to Redis.',
    type: 'counter',
    read: () => publisher.counters.writes,
  },
  {
    name: 'pharos_agent_publish_changes_total',
    help: 'Objects written to Redis or removed from it.',
    type: 'counter',
    read: () => publisher.counters.changes,
  },
  {
    name: 'pharos_agent_publish_failures_total',
    help: 'How often Redis could not be reached or refused a write.',
    type: 'counter',
    read: () => publisher.counters.failures,
  },
  {
    name: 'pharos_agent_publish_repairs_total',
    help: 'How often Redis did not hold what was written last, and was compared and mended.',
    type: 'counter',
    read: () => publisher.counters.repairs,
  },
];

/** What a process that reads from Redis tells of it. */
export const redisMetrics = (counters: RedisCounters): readonly MetricSource[] => {
  const counter = (name: keyof RedisCounters, help: string): MetricSource => ({
    name: `pharos_store_redis_${name}_total`,
    help,
    type: 'counter',
    read: () => counters[name],
  });
  return [
    {
      name: 'pharos_store_redis_generation',
      help: 'Generation of the state that is known; 0 = none yet.',
      type: 'gauge',
      read: () => counters.generation,
    },
    counter('snapshots', 'Complete states that watches were given.'),
    counter('changes', 'Changes read from the stream.'),
    counter('gaps', 'How often the stream did not go on from what is known, so that all was read again.'),
    counter('interruptions', 'How often Redis was away, empty, old or silent.'),
    counter('rejected', 'Objects in Redis that cannot be used and count as absent.'),
  ];
};
