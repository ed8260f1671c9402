import { type Connection, isUp } from '../api/tunnel.ts';
import type { MetricSource, Sample } from '../observability/metric-source.ts';
import type { Refusal } from './admit.ts';
import type { TunnelCounters } from './tunnels.ts';

/** What {@link gatewayMetrics} reads of a gateway. */
export interface MeasuredGateway {
  readonly leads: boolean;
  readonly refused: readonly Refusal[];
  readonly tunnels: { readonly connections: readonly Connection[]; readonly counters: TunnelCounters };
}

/** What the gateway tells of itself. Clusters are few and named by their operators, so they may be labels. */
export function gatewayMetrics(gateway: MeasuredGateway): readonly MetricSource[] {
  const { counters } = gateway.tunnels;
  const each = (value: (connection: Connection) => number | undefined): Sample[] =>
    gateway.tunnels.connections.flatMap((connection) => {
      const read = value(connection);
      if (read === undefined) return [];
      return [{ labels: { cluster: connection.cluster, peer: connection.gateway ?? '' }, value: read }];
    });
  const labels = ['cluster', 'peer'];
  return [
    {
      name: 'pharos_gateway_leader',
      help: 'Whether this gateway is the one that its cluster prefers (1) or stands by (0).',
      type: 'gauge',
      read: () => Number(gateway.leads),
    },
    {
      name: 'pharos_gateway_connections',
      help: 'Tunnels to gateways of other clusters, by state.',
      type: 'gauge',
      labels: ['state'],
      read: () => {
        const counts = { connecting: 0, connected: 0, degraded: 0, error: 0 };
        for (const { state } of gateway.tunnels.connections) counts[state]++;
        return Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
      },
    },
    {
      name: 'pharos_gateway_connection_up',
      help: 'Whether probes through the tunnel are answered (1) or not (0).',
      type: 'gauge',
      labels,
      read: () => each((connection) => Number(isUp(connection))),
    },
    {
      name: 'pharos_gateway_round_trip_seconds',
      help: 'Smoothed round-trip time of probes through the tunnel.',
      type: 'gauge',
      labels,
      read: () => each(({ roundTripMs }) => (roundTripMs === undefined ? undefined : roundTripMs / 1000)),
    },
    {
      name: 'pharos_gateway_jitter_seconds',
      help: 'Mean change between round-trip times of probes through the tunnel.',
      type: 'gauge',
      labels,
      read: () => each(({ jitterMs }) => (jitterMs === undefined ? undefined : jitterMs / 1000)),
    },
    {
      name: 'pharos_gateway_loss_ratio',
      help: 'Share of the last 50 probes through the tunnel that were lost.',
      type: 'gauge',
      labels,
      read: () => each(({ loss }) => loss),
    },
    {
      name: 'pharos_gateway_mtu_bytes',
      help: 'Largest packet that gets through the tunnel, as measured.',
      type: 'gauge',
      labels,
      read: () => each(({ mtu }) => mtu),
    },
    {
      name: 'pharos_gateway_failovers_total',
      help: 'How often traffic left a gateway of another cluster for another one, or for none.',
      type: 'counter',
      read: () => counters.failovers,
    },
    {
      name: 'pharos_gateway_drift_repairs_total',
      help: "Steps that put back what others had changed of the gateway's own on this node.",
      type: 'counter',
      read: () => counters.repairs,
    },
    {
      name: 'pharos_gateway_failures_total',
      help: 'Attempts to bring the node into the wanted state that failed and were tried again.',
      type: 'counter',
      read: () => counters.failures,
    },
    {
      name: 'pharos_gateway_refused_records',
      help: 'Records of other clusters that are not taken, by why.',
      type: 'gauge',
      labels: ['reason'],
      read: () => {
        const counts = new Map<string, number>();
        for (const { reason } of gateway.refused) counts.set(reason, (counts.get(reason) ?? 0) + 1);
        return [...counts].map(([reason, value]) => ({ labels: { reason }, value }));
      },
    },
  ];
}
