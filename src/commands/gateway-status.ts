/** What a member's gateways say of themselves and of their tunnels, for people who ask. Pure. */
import {
  type Connection,
  type Gateway,
  GATEWAY_LIFE_MS,
  type RefusedRecord,
  type TunnelEndpoint,
  isUp,
} from '../api/tunnel.ts';
import { DRAIN_ANNOTATION, ENDPOINT_LIFE_MS } from '../tunnel/settings.ts';

/** By the clock of whoever looks. */
export type Life = 'alive' | 'silent' | 'never-heard';

export interface GatewayStatus {
  /** The node. */
  readonly gateway: string;
  readonly role?: 'active' | 'passive';
  readonly nodeIP?: string;
  readonly state: Life;
  /** RFC 3339. */
  readonly lastSeen?: string;
  /** Whether it was asked to leave the lead to another one. */
  readonly isDraining: boolean;
  readonly leaseEpoch?: number;
  /** Those of its connections that carry packets, of all; none of a silent gateway's do. */
  readonly connections: { readonly up: number; readonly total: number };
  /** Records of other clusters that it did not take. */
  readonly refused: readonly RefusedRecord[];
}

export interface ConnectionStatus extends Omit<Connection, 'state' | 'gateway'> {
  /** The node of this member that holds it. */
  readonly gateway: string;
  /** The node on the other side. */
  readonly peer?: string;
  /** `unknown` where the gateway is silent, whatever it said last. */
  readonly state: Connection['state'] | 'unknown';
}

export interface EndpointStatus {
  readonly cluster: string;
  /** The node. */
  readonly gateway: string;
  readonly driver: TunnelEndpoint['spec']['driver'];
  readonly privateIP: string;
  readonly publicIP?: string;
  readonly port: number;
  readonly nat: boolean;
  readonly mtu?: number;
  readonly preferred: boolean;
  readonly leaseEpoch: number;
  readonly publicKeys: readonly string[];
  /** Absent for a member's copy, in which heartbeats are not kept. */
  readonly state?: Life;
  /** RFC 3339. */
  readonly lastSeen?: string;
  /** Why this member does not take it; absent where it does, or where no gateway of it says. */
  readonly refused?: string;
}

/** @param now milliseconds since 1970 */
export function gatewayStatuses(gateways: readonly Gateway[], now: number): GatewayStatus[] {
  return gateways.toSorted(byName).map(({ metadata, status = {} }) => {
    const { haStatus, nodeIP, heartbeat, leaseEpoch, connections = [], refused = [] } = status;
    const state = lifeOf(heartbeat, GATEWAY_LIFE_MS, now);
    const up = connections.filter(isUp);
    return {
      gateway: metadata.name,
      ...(haStatus && { role: haStatus }),
      ...(nodeIP !== undefined && { nodeIP }),
      state,
      ...(heartbeat !== undefined && { lastSeen: heartbeat }),
      isDraining: metadata.annotations?.[DRAIN_ANNOTATION] === 'true',
      ...(leaseEpoch !== undefined && { leaseEpoch }),
      connections: { up: state === 'alive' ? up.length : 0, total: connections.length },
      refused,
    };
  });
}

/** @param now milliseconds since 1970 */
export function connectionStatuses(gateways: readonly Gateway[], now: number): ConnectionStatus[] {
  return gateways.toSorted(byName).flatMap(({ metadata, status = {} }) => {
    const life = lifeOf(status.heartbeat, GATEWAY_LIFE_MS, now);
    return (status.connections ?? []).map(({ gateway: peer, state, ...connection }) => ({
      gateway: metadata.name,
      ...(peer !== undefined && { peer }),
      ...connection,
      state: life === 'alive' ? state : 'unknown',
      ...(life !== 'alive' && { reason: `gateway ${metadata.name} is silent; it said last: ${state}` }),
    }));
  });
}

/**
 * @param records the Endpoints on the broker, or a member's copies of them
 * @param gateways the member's own, which say what was refused
 * @param now milliseconds since 1970
 */
export function endpointStatuses(
  records: readonly TunnelEndpoint[],
  gateways: readonly Gateway[],
  from: 'broker' | 'copies',
  now: number,
): EndpointStatus[] {
  const refused = new Map(
    gateways
      .flatMap(({ status }) => status?.refused ?? [])
      .map(({ record, reason, message }) => [record, `${reason}: ${message}`]),
  );
  return records.toSorted(byName).map(({ metadata, spec }) => {
    const { clusterId: cluster, heartbeat, nat = false, ...told } = spec;
    const why = refused.get(`Endpoint ${metadata.name}`);
    return {
      cluster,
      ...told,
      nat,
      ...(from === 'broker' && { state: lifeOf(heartbeat, ENDPOINT_LIFE_MS, now), lastSeen: heartbeat }),
      ...(why !== undefined && { refused: why }),
    };
  });
}

const byName = (a: Gateway | TunnelEndpoint, b: Gateway | TunnelEndpoint): number =>
  a.metadata.name < b.metadata.name ? -1 : 1;

function lifeOf(heartbeat: string | undefined, lifeMs: number, now: number): Life {
  const at = Date.parse(heartbeat ?? '');
  if (Number.isNaN(at)) return 'never-heard';
  return now - at <= lifeMs ? 'alive' : 'silent';
}
