import { isUp } from '../api/tunnel.ts';
import { drainText, type Drained, parseDrained } from '../api/drained.ts';
import { Annotation, Label } from '../api/names.ts';
import type { Lease } from '../api/objects.ts';
import type { ClusterModel, ClusterState, ConnectionModel, GatewayModel, ServiceModel } from './model.ts';
import type { ClusterSight, Sights } from './sights.ts';

/** For so long a heartbeat counts that does not say. */
const HEARTBEAT_SECONDS = 40;

/** Every cluster that anything in sight speaks of, by id. Pure. */
export function membersOf(
  { clusters, broker, now, kind }: Sights,
  connections: readonly ConnectionModel[],
  services: readonly ServiceModel[],
): ClusterModel[] {
  const sights = new Map(clusters.map((sight) => [sight.id, sight])); // id → sight
  const leases = new Map<string, Lease>(); // id → heartbeat
  for (const lease of broker?.leases ?? []) {
    const id = lease.metadata.labels?.[Label.sourceCluster];
    if (id !== undefined) leases.set(id, lease);
  }
  const exports = new Map<string, number>(); // id → services
  for (const { exporters } of services) {
    for (const { cluster } of exporters) exports.set(cluster, (exports.get(cluster) ?? 0) + 1);
  }
  const versions = new Map(
    clusters.flatMap(({ records }) => records.map(({ spec }) => [spec.clusterId, spec.version] as const)),
  );
  const drained = drainedIn(clusters, broker?.drained);
  const ids = new Set([
    ...sights.keys(),
    ...leases.keys(),
    ...versions.keys(),
    ...connections.map(({ to }) => to),
    ...exports.keys(),
  ]);
  return [...ids].sort().map((id) => {
    const sight = sights.get(id);
    const lease = leases.get(id);
    const drain = drained.get(id);
    const version = lease?.metadata.annotations?.[Annotation.version] ?? versions.get(id);
    const lastHeard = lease?.spec.renewTime;
    return {
      id,
      ...stateOf({ id, kind, sight, lease, now, connections, drain: drain && drainText(drain) }),
      inSight: sight !== undefined,
      exports: exports.get(id) ?? 0,
      gateways: sight === undefined ? gatewaysTold(id, connections) : gatewaysOf(sight),
      ...(lastHeard !== undefined && { lastHeard }),
      ...(version !== undefined && { version }),
      ...(sight?.dns !== undefined && { dns: sight.dns }),
      ...(kind === 'playground' && {
        button: sight?.isConnected === false ? ('reconnect' as const) : ('disconnect' as const),
      }),
    };
  });
}

/** The broker's word counts, and what clusters know of it where the broker is not in sight. */
export function drainedIn(
  clusters: readonly ClusterSight[],
  onBroker: Parameters<typeof parseDrained>[0],
): Drained {
  if (onBroker !== undefined) return parseDrained(onBroker);
  return new Map(clusters.flatMap(({ drained }) => [...parseDrained(drained)]));
}

interface Known extends Pick<Sights, 'kind'> {
  readonly id: string;
  readonly sight: ClusterSight | undefined;
  readonly lease: Lease | undefined;
  readonly now: number;
  readonly connections: readonly ConnectionModel[];
  /** Who drained it, in words. */
  readonly drain: string | undefined;
}

function stateOf({ id, kind, sight, lease, now, connections, drain }: Known): {
  readonly state: ClusterState;
  readonly reason: string;
} {
  if (sight?.isConnected === false) {
    return { state: 'disconnected', reason: 'cut off from the broker and from all other clusters' };
  }
  const toIt = connections.filter(({ to }) => to === id);
  const [broken] = toIt;
  if (broken !== undefined && !toIt.some(isUp)) {
    return {
      state: 'disconnected',
      reason: `tunnel ${broken.state}${broken.reason ? `: ${broken.reason}` : ''}`,
    };
  }
  const renewed = Date.parse(lease?.spec.renewTime ?? '');
  const lasts = (lease?.spec.leaseDurationSeconds ?? HEARTBEAT_SECONDS) * 1000;
  if (lease !== undefined && !(now - renewed <= lasts)) {
    const when = Number.isNaN(renewed)
      ? 'there never was a heartbeat'
      : `no heartbeat since ${lease.spec.renewTime}`;
    return { state: 'silent', reason: when };
  }
  if (drain !== undefined) return { state: 'drained', reason: drain };
  if (lease !== undefined) return { state: 'heard', reason: 'its heartbeat is fresh' };
  if (toIt.some(isUp)) return { state: 'heard', reason: 'a tunnel to it is up' };
  if (sight?.lost !== undefined) return { state: 'unknown', reason: sight.lost };
  if (sight !== undefined) {
    const reason = kind === 'playground' ? 'connected to the broker' : 'its API server answers';
    return { state: 'heard', reason };
  }
  return { state: 'unknown', reason: 'the broker is not looked at, and no gateway has a tunnel to it' };
}

const gatewaysOf = ({ gateways }: ClusterSight): GatewayModel[] =>
  gateways
    .map(({ metadata, status }) => ({ name: metadata.name, role: status?.haStatus ?? ('unknown' as const) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** Of clusters that are not in sight, those that gateways in sight have tunnels to. */
const gatewaysTold = (id: string, connections: readonly ConnectionModel[]): GatewayModel[] =>
  [...new Set(connections.flatMap(({ to, toGateway }) => (to === id ? (toGateway ?? []) : [])))]
    .sort()
    .map((name) => ({ name, role: 'unknown' }));
