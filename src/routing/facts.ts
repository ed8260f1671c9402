/** What a plan for a node is made from: the cluster as its API has it, and the host as its kernel has it. */
import type { Member, RefusedNetwork } from './accept-networks.ts';
import type { Cidr, IpAddress } from '../api/cidr.ts';
import { type ConnectionState, isUp } from '../api/tunnel.ts';
import type { DeviceName } from '../host/device.ts';

/** A machine of this cluster. */
export interface NodeFacts {
  readonly name: string;
  /** Internal addresses, the primary one first. */
  readonly ips: readonly IpAddress[];
  readonly podCidrs: readonly Cidr[];
}

/** What a gateway node of this cluster says of itself. */
export interface GatewayFacts {
  readonly node: string;
  readonly active: boolean;
  /** Whether it has given a sign of life of late. */
  readonly alive: boolean;
  /** Of the election that made it active; of two that both say so the later one is right. */
  readonly leaseEpoch: number;
  /** remote cluster → how it stands with its best tunnel there. */
  readonly connections: ReadonlyMap<string, TunnelFacts>;
}

export interface TunnelFacts {
  readonly state: ConnectionState;
  readonly mtu?: number;
}

/** Whether a gateway holds a tunnel to a cluster that packets get through. */
export function carries({ connections }: GatewayFacts, cluster: string): boolean {
  const tunnel = connections.get(cluster);
  return tunnel !== undefined && isUp(tunnel);
}

/** What the API of this cluster says. */
export interface ClusterFacts {
  readonly nodes: readonly NodeFacts[];
  readonly gateways: readonly GatewayFacts[];
  /** This cluster's own networks, as far as they are known. */
  readonly own: { readonly podCidrs: readonly Cidr[]; readonly serviceCidrs: readonly Cidr[] };
  readonly members: readonly Member[];
  readonly refused: readonly RefusedNetwork[];
}

/** What the host says, beside what Pharos made of it. */
export interface HostFacts {
  /** MTU of the device that has this node's address. */
  readonly uplinkMtu: number;
  /**
   * Devices by which packets of this cluster's other nodes arrive: the uplink, and the devices of the CNI
   * between nodes. What comes from other clusters comes in there, while the way back is elsewhere.
   */
  readonly betweenNodes: readonly DeviceName[];
  /** This node's own addresses inside the pod networks, which other clusters know the way back to. */
  readonly podSide: readonly IpAddress[];
  readonly hasIpv6: boolean;
}

/** How a gateway node answers to probes over the network among the nodes. */
export type ProbeVerdict = 'answers' | 'silent' | 'unknown';
