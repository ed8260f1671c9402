import { type Connection, type Gateway, isUp, seemsAlive } from '../api/tunnel.ts';
import type { ConnectionModel } from './model.ts';
import type { ClusterSight } from './sights.ts';

/**
 * All tunnels as the gateways in sight tell of them; of one that gives no sign of life none is up. Pure.
 *
 * @param now milliseconds since 1970
 */
export function connectionsOf(clusters: readonly ClusterSight[], now: number): ConnectionModel[] {
  return clusters
    .flatMap(({ id, gateways }) =>
      gateways.flatMap((gateway) =>
        (gateway.status?.connections ?? []).map((connection) =>
          connectionOf(id, gateway, connection, seemsAlive(gateway, now)),
        ),
      ),
    )
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function connectionOf(
  from: string,
  { metadata, status }: Gateway,
  { cluster, gateway, driver, state, reason, since, roundTripMs, loss }: Connection,
  isAlive: boolean,
): ConnectionModel {
  const base = {
    from,
    fromGateway: metadata.name,
    to: cluster,
    ...(gateway !== undefined && { toGateway: gateway }),
    ...(driver !== undefined && { driver }),
  };
  if (!isAlive) {
    const silent = status?.heartbeat ?? '';
    const why = `gateway ${metadata.name} gives no sign of life since ${silent}`;
    return { ...base, state: 'error', carries: false, reason: why, since: silent };
  }
  return {
    ...base,
    state,
    carries: status?.haStatus === 'active',
    ...(reason !== undefined && { reason }),
    ...(since !== undefined && { since }),
    ...(roundTripMs !== undefined && { roundTripMs }),
    ...(loss !== undefined && { loss }),
  };
}

const nameOf = ({ from, fromGateway, to, toGateway = '' }: ConnectionModel): string =>
  [from, fromGateway, to, toGateway].join(' ');

/**
 * Why a cluster cannot be reached from another one; undefined = it can, as far as the gateways there tell. Where
 * no gateway is, the network is flat.
 */
export function whyUnreachable(
  connections: readonly ConnectionModel[],
  from: ClusterSight,
  to: string,
): string | undefined {
  if (from.gateways.length === 0 || from.id === to) return undefined;
  const theirs = connections.filter((each) => each.from === from.id && each.to === to);
  if (theirs.some(isUp)) return undefined;
  const [first] = theirs;
  if (first === undefined) return 'no gateway has a connection to it';
  return `the connection is in state ${first.state}${first.reason === undefined ? '' : `: ${first.reason}`}`;
}

/** The tunnels between two clusters as one: the best that carries, else the best. */
export interface Tunnel {
  readonly between: readonly [string, string];
  readonly best: ConnectionModel;
  readonly count: number;
}

const RANK: Readonly<Record<ConnectionModel['state'], number>> = {
  connected: 0,
  degraded: 1,
  connecting: 2,
  error: 3,
};

/** One per pair of clusters, whichever end told. */
export function tunnelsOf(connections: readonly ConnectionModel[]): Tunnel[] {
  const pairs = new Map<string, { between: [string, string]; all: ConnectionModel[] }>(); // both ids → connections
  for (const connection of connections) {
    const [a = '', b = ''] = [connection.from, connection.to].sort();
    const pair = pairs.get(`${a} ${b}`) ?? { between: [a, b], all: [] };
    pairs.set(`${a} ${b}`, pair);
    pair.all.push(connection);
  }
  return [...pairs.values()].flatMap(({ between, all }) => {
    const [best] = all.toSorted(
      (a, b) => RANK[a.state] - RANK[b.state] || Number(b.carries) - Number(a.carries),
    );
    return best === undefined ? [] : { between, best, count: all.length };
  });
}
