/** One address or network per family in use: IPv4 first. */
export type PerFamily = readonly string[];

export interface NodeAddresses {
  readonly ips: PerFamily;
  readonly podCidrs: PerFamily;
}

export interface ClusterAddresses {
  /** The networks that hold the pods of all nodes. */
  readonly podCidrs: PerFamily;
  readonly serviceCidrs: PerFamily;
  /** ClusterIP of the cluster's DNS. */
  readonly dnsIp: string;
  /** ClusterIP of the `kubernetes` Service. */
  readonly apiIp: string;
  readonly nodes: readonly NodeAddresses[];
}

/** What all nodes of a lab hang on: a router in the middle, one network. */
export const fabric = {
  router: ['10.210.0.1', 'fd10:210::1'],
  prefixLengths: [16, 64],
} as const;

/** Most clusters that one lab has room for. */
export const maxClusters = 49;

/**
 * The plan of addresses: cluster c (from 1) has its pods in 10.(100+c).0.0/16, a /24 for each node, and
 * its Services in 10.(150+c).0.0/16; the same with fd10: for IPv6.
 */
export function planAddresses(cluster: number, nodes: number, dualStack: boolean): ClusterAddresses {
  if (cluster < 1 || cluster > maxClusters) throw new Error(`A lab has room for ${maxClusters} clusters`);
  const families = <T>(v4: T, v6: T): T[] => (dualStack ? [v4, v6] : [v4]);
  const pods = 100 + cluster;
  const services = 150 + cluster;
  return {
    podCidrs: families(`10.${pods}.0.0/16`, `fd10:${pods}::/32`),
    serviceCidrs: families(`10.${services}.0.0/16`, `fd10:${services}::/112`),
    dnsIp: `10.${services}.0.10`,
    apiIp: `10.${services}.0.1`,
    nodes: Array.from({ length: nodes }, (_, node) => ({
      ips: families(`10.210.${cluster}.${10 + node}`, `fd10:210::${cluster}:${10 + node}`),
      podCidrs: families(`10.${pods}.${node}.0/24`, `fd10:${pods}:${node}::/64`),
    })),
  };
}
