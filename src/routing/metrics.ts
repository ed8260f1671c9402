import type { MetricSource, Sample } from '../observability/metric-source.ts';
import type { RouteAgent } from './route-agent.ts';
import type { ServiceAgent } from './service-agent.ts';

const VERDICTS = ['answers', 'silent', 'unknown'] as const;

export type RouteAgentStatus = Pick<
  RouteAgent,
  'plan' | 'verdicts' | 'refused' | 'repairs' | 'failovers' | 'reconciliations'
> & { readonly services: Pick<ServiceAgent, 'state' | 'refused' | 'repairs' | 'forgotten'> };

/** What the route agent tells of itself and of its node. */
export const routeAgentMetrics = (agent: RouteAgentStatus): readonly MetricSource[] => [
  {
    name: 'pharos_route_clusters',
    help: 'Other clusters that this node routes to, by why the gateway on the way is the one.',
    type: 'gauge',
    labels: ['reason'],
    read: () => count([...(agent.plan?.choices.values() ?? [])].map(({ reason }) => reason)),
  },
  {
    name: 'pharos_route_gateways',
    help: 'Other gateway nodes of this cluster, by how they answer to probes.',
    type: 'gauge',
    labels: ['state'],
    read: () => {
      const verdicts = [...agent.verdicts.values()];
      return VERDICTS.map((verdict) => ({
        labels: { state: verdict },
        value: verdicts.filter((given) => given === verdict).length,
      }));
    },
  },
  {
    name: 'pharos_route_failovers_total',
    help: 'Times that this node left a gateway because of its own probes.',
    type: 'counter',
    read: () => agent.failovers,
  },
  {
    name: 'pharos_route_drift_repairs_total',
    help: 'Times that something of Pharos on this node was found changed by others, and put back.',
    type: 'counter',
    labels: ['what'],
    read: () => [
      ...[...agent.repairs].map(([what, value]) => ({ labels: { what }, value })),
      { labels: { what: 'services' }, value: agent.services.repairs },
    ],
  },
  {
    name: 'pharos_route_refused_networks',
    help: 'Networks of other clusters that are not routed to, by why.',
    type: 'gauge',
    labels: ['reason'],
    read: () => count(agent.refused.map(({ refusal }) => refusal)),
  },
  {
    name: 'pharos_route_problems',
    help: 'What keeps this node from being all that it should be, by kind.',
    type: 'gauge',
    labels: ['reason'],
    read: () => count(agent.plan?.problems.map(({ reason }) => reason) ?? []),
  },
  {
    name: 'pharos_route_reconciliations_total',
    help: 'Comparisons of this node with what is wanted of it, by how they ended.',
    type: 'counter',
    labels: ['outcome'],
    read: () => [
      { labels: { outcome: 'succeeded' }, value: agent.reconciliations.succeeded },
      { labels: { outcome: 'failed' }, value: agent.reconciliations.failed },
    ],
  },
  {
    name: 'pharos_route_service_ports',
    help: 'Ports of clusterset IPs on this node, by whether a backend stands behind them.',
    type: 'gauge',
    labels: ['state'],
    read: () => {
      const entries = [...agent.services.state.entries.values()];
      const served = entries.filter(({ slots }) => slots.length > 0).length;
      return [
        { labels: { state: 'served' }, value: served },
        { labels: { state: 'refused' }, value: entries.length - served },
      ];
    },
  },
  {
    name: 'pharos_route_refused_addresses_total',
    help: 'Clusterset IPs that are not served here, by why.',
    type: 'counter',
    labels: ['reason'],
    read: () => [...agent.services.refused].map(([reason, value]) => ({ labels: { reason }, value })),
  },
  {
    name: 'pharos_route_forgotten_backends_total',
    help: 'Backends of clusterset IPs that were gone, and whose open connections were ended.',
    type: 'counter',
    read: () => agent.services.forgotten,
  },
];

/** One sample for each reason that there is. */
function count(reasons: readonly string[]): Sample[] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, value]) => ({ labels: { reason }, value }));
}
