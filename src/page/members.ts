import { isUp, seemsAlive } from '../api/tunnel.ts';
import { drainText, type Drained, parseDrained } from '../api/drained.ts';
import { Annotation } from '../api/names.ts';
import type { ClusterModel, ClusterState, ConnectionModel, GatewayModel, ServiceModel } from './model.ts';
import type { ClusterSight, Sights } from './sights.ts';
import { heardOf, type LastHeard } from './silence.ts';

/** Every cluster that anything in sight speaks of, by id. Pure. */
export function membersOf(
  { clusters, broker, now, kind }: Sights,
  connections: readonly ConnectionModel[],
  services: readonly ServiceModel[],
): ClusterModel[] {
  const sights = new Map(clusters.map((sight) => [sight.id, sight])); // id → sight
  const heard = heardOf({ now, ...(broker && { broker }) });
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
    ...heard.keys(),
    ...versions.keys(),
    ...connections.map(({ to }) => to),
    ...exports.keys(),
  ]);
  return [...ids].sort().map((id) => {
    const sight = sights.get(id);
    const last = heard.get(id);
    const lease = last?.lease;
    const drain = drained.get(id);
    const version = lease?.metadata.annotations?.[Annotation.version] ?? versions.get(id);
    const lastHeard = lease?.spec.renewTime;
    return {
      id,
      ...stateOf({
        ...{ id, kind, sight, last, connections },
        isBrokerLost: broker?.lost !== undefined,
        drain: drain && drainText(drain),
      }),
      inSight: sight !== undefined,
      exports: exports.get(id) ?? 0,
      gateways: sight === undefined ? gatewaysTold(id, connections) : gatewaysOf(sight, now),
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
  readonly last: LastHeard | undefined;
  readonly isBrokerLost: boolean;
  readonly connections: readonly ConnectionModel[];
  /** Who drained it, in words. */
  readonly drain: string | undefined;
}

function stateOf({ id, kind, sight, last, isBrokerLost, connections, drain }: Known): {
  readonly state: ClusterState;
  readonly reason: string;
} {
  if (sight?.isConnected === false) {
    return { state: 'disconnected', reason: 'cut off from the broker and from all other clusters' };
  }
  const silence =
    last?.isSilent !== true
      ? undefined
      : Number.isNaN(Date.parse(last.lease.spec.renewTime ?? ''))
        ? 'there never was a heartbeat'
        : `no heartbeat since ${last.lease.spec.renewTime}`;
  const toIt = connections.filter(({ to }) => to === id);
  const [broken] = toIt;
  if (broken !== undefined && !toIt.some(isUp)) {
    const tunnel = `tunnel ${broken.state}${broken.reason ? `: ${broken.reason}` : ''}`;
    return { state: 'disconnected', reason: [tunnel, ...(silence ? [silence] : [])].join('; ') };
  }
  if (silence !== undefined) return { state: 'silent', reason: silence };
  if (drain !== undefined) return { state: 'drained', reason: drain };
  if (last !== undefined) {
    const was = 'its heartbeat was fresh when the broker went out of sight';
    return { state: 'heard', reason: isBrokerLost ? was : 'its heartbeat is fresh' };
  }
  if (toIt.some(isUp)) return { state: 'heard', reason: 'a tunnel to it is up' };
  if (sight?.lost !== undefined) return { state: 'unknown', reason: sight.lost };
  if (sight !== undefined) {
    const reason = kind === 'playground' ? 'connected to the broker' : 'its API server answers';
    return { state: 'heard', reason };
  }
  return { state: 'unknown', reason: 'the broker is not looked at, and no gateway has a tunnel to it' };
}

const gatewaysOf = ({ gateways }: ClusterSight, now: number): GatewayModel[] =>
  gateways
    .map((gateway): GatewayModel => {
      const { metadata, status } = gateway;
      return {
        name: metadata.name,
        role: seemsAlive(gateway, now) ? (status?.haStatus ?? 'unknown') : 'silent',
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** Of clusters that are not in sight, those that gateways in sight have tunnels to. */
const gatewaysTold = (id: string, connections: readonly ConnectionModel[]): GatewayModel[] =>
  [...new Set(connections.flatMap(({ to, toGateway }) => (to === id ? (toGateway ?? []) : [])))]
    .sort()
    .map((name) => ({ name, role: 'unknown' }));
