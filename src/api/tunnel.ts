/**
 * Pharos's own kinds, group `pharos.io/v1alpha1`: what clusters tell each other of how to be reached, and
 * what a cluster's gateways say of it. `Cluster` and `Endpoint` are written on the broker by the member that
 * they are about, and copied into every other member's namespace {@link SYSTEM_NAMESPACE}.
 */
import type { Condition, KubeObject } from './objects.ts';

/** A member: which addresses are its own. Named after its cluster id. */
export interface Cluster extends KubeObject {
  kind: 'Cluster';
  spec: {
    clusterId: string;
    podCIDRs: string[];
    serviceCIDRs: string[];
    clustersetCIDRs?: string[];
    /** Version of the Pharos that wrote it. */
    version?: string;
  };
  status?: RecordStatus;
}

/** In a member: what became of another cluster's record there, as condition `Accepted`. */
export interface RecordStatus {
  conditions?: Condition[];
}

export type CableDriverName = 'ipsec' | 'wireguard' | 'vxlan';

/** A gateway's way in: everything that a peer needs to bring up a tunnel to it. Named `<cluster>.<gateway>`. */
export interface TunnelEndpoint extends KubeObject {
  kind: 'Endpoint';
  spec: {
    clusterId: string;
    /** The gateway's node. */
    gateway: string;
    driver: CableDriverName;
    /** The address of the node in its own network. */
    privateIP: string;
    /** How it is reached from outside, where that differs. */
    publicIP?: string;
    /** UDP port of the tunnel, as reached from outside. */
    port: number;
    /** Several while keys are rotated: any of them is the gateway's. Base64. */
    publicKeys: string[];
    /** Whether the gateway is behind an address translation, as far as it knows. */
    nat?: boolean;
    mtu?: number;
    /** `leaseTransitions` of the election that made it the preferred one; a lower epoch loses. */
    leaseEpoch: number;
    preferred: boolean;
    /** RFC 3339, renewed while the gateway lives. */
    heartbeat: string;
  };
  status?: RecordStatus;
}

export type ConnectionState = 'connecting' | 'connected' | 'degraded' | 'error';

/** Whether packets get through; some may be lost. */
export const isUp = ({ state }: { readonly state: ConnectionState }): boolean =>
  state === 'connected' || state === 'degraded';

/** One tunnel of a gateway to a gateway of another cluster. */
export interface Connection {
  cluster: string;
  /** The other gateway's node. */
  gateway?: string;
  driver?: CableDriverName;
  state: ConnectionState;
  /** Why it is not `connected`, or what it costs that it is so. */
  reason?: string;
  /** RFC 3339: since when it is in this state. */
  since?: string;
  roundTripMs?: number;
  /** Mean difference between one round trip and the next. */
  jitterMs?: number;
  /** 0 to 1, of the recent probes. */
  loss?: number;
  mtu?: number;
  device?: string;
}

export interface RefusedRecord {
  /** `Cluster east`, `Endpoint east.node-1`. */
  record: string;
  /** One word out of a closed set. */
  reason: string;
  /** What is wrong, and what is wanted. */
  message: string;
}

/** What a gateway said of its connections ends when its heartbeat has stood still for so long. */
export const GATEWAY_LIFE_MS = 20_000;

/** Who follows heartbeats needs no clock but his own; who looks once has to go by two clocks. */
const CLOCKS_DIFFER_MS = 30_000;

/**
 * Whether what a gateway says may be believed, for who goes by the time in it; one that tells no time is.
 *
 * @param now milliseconds since 1970
 */
export function seemsAlive({ status }: Gateway, now: number): boolean {
  const at = Date.parse(status?.heartbeat ?? '');
  return Number.isNaN(at) || now - at <= GATEWAY_LIFE_MS + CLOCKS_DIFFER_MS;
}

/** One per gateway node of a member, named after the node, in {@link SYSTEM_NAMESPACE}; written by its gateway. */
export interface Gateway extends KubeObject {
  kind: 'Gateway';
  status?: {
    /** `active` carries the traffic of nodes without a gateway of their own; `passive` stands by, connected. */
    haStatus?: 'active' | 'passive';
    /** The node's address, for the route agents of the other nodes. */
    nodeIP?: string;
    leaseEpoch?: number;
    /** RFC 3339, renewed while the gateway's process lives. What was said of connections ends with it. */
    heartbeat?: string;
    connections?: Connection[];
    /** Records of other clusters that were not taken. */
    refused?: RefusedRecord[];
  };
}
