import type { MetricSource } from '../observability/metric-source.ts';
import type { LeaderElection } from '../runtime/lease.ts';

/** What a replica that stands for election tells of it. */
export const electionMetrics = (election: LeaderElection): readonly MetricSource[] => [
  {
    name: 'pharos_agent_leader',
    help: 'Whether this replica is the one that works (1) or stands by (0).',
    type: 'gauge',
    read: () => Number(election.isLeader),
  },
];
