import type { MetricSource } from '../observability/metric-source.ts';
import type { Agent } from './agent.ts';

/** What the agent tells of itself. */
export const agentMetrics = (agent: Agent): readonly MetricSource[] => [
  {
    name: 'pharos_agent_imported_services',
    help: 'Services of the clusterset that this cluster sees.',
    type: 'gauge',
    read: () => agent.services().length,
  },
  {
    name: 'pharos_agent_conflicting_services',
    help: 'Services whose exports do not agree.',
    type: 'gauge',
    read: () => agent.services().filter(({ conflicts }) => conflicts.length > 0).length,
  },
  {
    name: 'pharos_agent_writes_total',
    help: 'Writes that the API servers accepted.',
    type: 'counter',
    labels: ['store'],
    read: () => perStore(agent.counters.writes),
  },
  {
    name: 'pharos_agent_write_errors_total',
    help: 'Writes that an API server refused or that did not reach it; each is tried again.',
    type: 'counter',
    labels: ['store'],
    read: () => perStore(agent.counters.writeErrors),
  },
  {
    name: 'pharos_agent_rejected_records_total',
    help: 'Records on the broker that cannot be used.',
    type: 'counter',
    read: () => agent.counters.rejected,
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
    help: 'Whether the lists of a store are complete (1) or not yet (0).',
    type: 'gauge',
    labels: ['store'],
    read: () => perStore({ member: Number(agent.isMemberSynced), broker: Number(agent.isBrokerSynced) }),
  },
];

const perStore = (values: Readonly<Record<'member' | 'broker', number>>) =>
  Object.entries(values).map(([store, value]) => ({ labels: { store }, value }));
