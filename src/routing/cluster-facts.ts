import { type Claim, acceptNetworks, claimOf } from './accept-networks.ts';
import { cidrOrNone, ipOrNone } from '../api/cidr.ts';
import type { Node } from '../api/objects.ts';
import type { Cluster, Gateway } from '../api/tunnel.ts';
import { validateCluster, validateGateway, validateNode, type Validation } from '../api/validate.ts';
import type { KubeObject } from '../api/objects.ts';
import type { ClusterFacts, GatewayFacts, NodeFacts, TunnelFacts } from './facts.ts';
import { OVERLAY } from './overlay.ts';

export interface ClusterObjects {
  /** This cluster's id. */
  readonly cluster: string;
  readonly nodes: Iterable<Node>;
  readonly gateways: Iterable<Gateway>;
  readonly clusters: Iterable<Cluster>;
  readonly isAlive: (gateway: Gateway) => boolean;
}

/** Typed facts of what the API has; what is malformed is left out, and told where it is a stranger's. */
export function clusterFacts(objects: ClusterObjects): ClusterFacts {
  const { cluster, nodes, gateways, clusters, isAlive } = objects;
  const nodeFacts = sound(nodes, validateNode).map(nodeOf);
  const records = sound(clusters, validateCluster);
  const malformed = [...clusters].filter((record) => !validateCluster(record).ok);
  const own = records.find(({ metadata }) => metadata.name === cluster)?.spec;
  const podCidrs = [
    ...new Set([...(own?.podCIDRs ?? []).flatMap(cidrOrNone), ...nodeFacts.flatMap((node) => node.podCidrs)]),
  ];
  const serviceCidrs = (own?.serviceCIDRs ?? []).flatMap(cidrOrNone);
  const claims: Claim[] = [
    ...podCidrs.map((network) => ({ network, owner: `the pods of this cluster "${cluster}"` })),
    ...serviceCidrs.map((network) => ({ network, owner: `the Services of this cluster "${cluster}"` })),
    ...nodeFacts.flatMap(({ name, ips }) => ips.map((ip) => claimOf(ip, `node "${name}" of this cluster`))),
    ...[OVERLAY.v4, OVERLAY.v6].map((network) => ({ network, owner: "Pharos's network among nodes" })),
  ];
  const others = records.filter(({ metadata }) => metadata.name !== cluster);
  const { members, refused } = acceptNetworks(others, claims);
  return {
    nodes: nodeFacts,
    gateways: sound(gateways, validateGateway).map((gateway) => gatewayOf(gateway, isAlive(gateway))),
    own: { podCidrs, serviceCidrs },
    members,
    refused: [
      ...refused,
      ...malformed.map(({ metadata }) => ({
        cluster: metadata.name,
        network: '',
        refusal: 'malformed' as const,
        why: `the record "${metadata.name}" is no Cluster`,
      })),
    ],
  };
}

function sound<T extends KubeObject>(objects: Iterable<T>, validate: (object: T) => Validation<T>): T[] {
  return [...objects].flatMap((object) => {
    const validation = validate(object);
    return validation.ok ? [validation.object] : [];
  });
}

function nodeOf({ metadata, spec, status }: Node): NodeFacts {
  const podCidrs = spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
  const internal = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return {
    name: metadata.name,
    ips: internal.flatMap(({ address }) => ipOrNone(address)),
    podCidrs: podCidrs.flatMap(cidrOrNone),
  };
}

function gatewayOf({ metadata, status }: Gateway, alive: boolean): GatewayFacts {
  const connections = new Map<string, TunnelFacts>();
  for (const { cluster, state, mtu } of status?.connections ?? []) {
    const tunnel = { state, ...(mtu !== undefined && { mtu }) };
    const known = connections.get(cluster);
    if (known === undefined || RANK[state] < RANK[known.state]) connections.set(cluster, tunnel);
  }
  return {
    node: metadata.name,
    active: status?.haStatus === 'active',
    alive,
    leaseEpoch: status?.leaseEpoch ?? 0,
    connections,
  };
}

const RANK = { connected: 0, degraded: 1, connecting: 2, error: 3 } as const;
