import type { MetricSource } from '../observability/metric-source.ts';
import type { Agent } from './agent.ts';

/** What the agent tells of itself. */
export const agentMetrics = (agent: Agent): readonly MetricSource[] => [
  {
    name: 'pharos_agent_exports',
    help: 'ServiceExports of this cluster, by where they stand.',
    type: 'gauge',
    labels: ['state'],
    read: () => [...agent.exportStates].map(([state, value]) => ({ labels: { state }, value })),
  },
  {
    name: 'pharos_agent_seen_services',
    help: 'Services of the clusterset that are exported to this cluster, by whether they are imported.',
    type: 'gauge',
    labels: ['state'],
    read: () => {
      const counts = { imported: 0, 'no-namespace': 0, 'foreign-import': 0, filtered: 0 };
      for (const { notImported } of agent.services()) counts[notImported ?? 'imported']++;
      return Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
    },
  },
  {
    name: 'pharos_agent_conflicting_services',
    help: 'Services whose exports do not agree.',
    type: 'gauge',
    read: () => [...agent.services()].filter(({ conflicts }) => conflicts.length > 0).length,
  },
  {
    name: 'pharos_agent_writes_total',
    help: 'Writes by how they ended; what failed is tried again.',
    type: 'counter',
    labels: ['store', 'outcome'],
    read: () =>
      Object.entries(agent.counters.writes).flatMap(([store, outcomes]) =>
        [...outcomes].map(([outcome, value]) => ({ labels: { store, outcome }, value })),
      ),
  },
  {
    name: 'pharos_agent_refused_total',
    help: 'Objects on the broker, and parts of them, that were not taken, by why.',
    type: 'counter',
    labels: ['reason'],
    read: () => [...agent.counters.refused].map(([reason, value]) => ({ labels: { reason }, value })),
  },
  {
    name: 'pharos_agent_queue_depth',
    help: 'Services that wait to be reconciled.',
    type: 'gauge',
    labels: ['reconciler'],
    read: () =>
      Object.entries(agent.depths).map(([reconciler, value]) => ({ labels: { reconciler }, value })),
  },
  {
    name: 'pharos_agent_synced',
    help: 'Whether the first lists of a store are complete (1) or not yet (0).',
    type: 'gauge',
    labels: ['store'],
    read: () => [
      { labels: { store: 'member' }, value: Number(agent.isMemberSynced) },
      { labels: { store: 'broker' }, value: Number(agent.isBrokerSynced) },
    ],
  },
  {
    name: 'pharos_agent_broker_in_sight',
    help: 'Whether the broker is followed at this moment (1) or not (0).',
    type: 'gauge',
    read: () => Number(agent.isBrokerInSight),
  },
  {
    name: 'pharos_import_age_seconds',
    help: 'Since when nothing confirms the imports that come from a cluster: the time since its heartbeat.',
    type: 'gauge',
    labels: ['source'],
    read: () => [...agent.ages].map(([source, ms]) => ({ labels: { source }, value: ms / 1000 })),
  },
  {
    name: 'pharos_agent_heartbeats_total',
    help: "Renewals of this cluster's Lease that reached the broker.",
    type: 'counter',
    read: () => agent.beats,
  },
  {
    name: 'pharos_agent_clusterset_ips',
    help: 'Addresses of --clusterset-cidr by family: held by a service, resting before anybody else gets them, free.',
    type: 'gauge',
    labels: ['family', 'state'],
    read: () =>
      agent.clustersetIps.flatMap(([family, counts]) =>
        Object.entries(counts).map(([state, value]) => ({ labels: { family, state }, value })),
      ),
  },
];
