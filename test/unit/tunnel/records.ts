import { parseCidr, parseIp } from '../../../src/api/cidr.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import type { Cluster, TunnelEndpoint } from '../../../src/api/tunnel.ts';
import type { Self } from '../../../src/tunnel/admit.ts';

const labels = (cluster: string) => ({ 'multicluster.kubernetes.io/source-cluster': cluster });

/** West, seen from its gateway gw1. */
export const west: Self = {
  cluster: parseClusterId('west'),
  gateway: 'gw1',
  driver: 'vxlan',
  privateIP: parseIp('192.168.1.11'),
  podCIDRs: [parseCidr('10.1.0.0/16')],
  serviceCIDRs: [parseCidr('10.101.0.0/16')],
  clustersetCIDRs: [parseCidr('243.0.0.0/8')],
};

export function clusterRecord(
  cluster: string,
  podCIDR: string,
  change: Partial<Cluster['spec']> = {},
  created = '2026-01-01T00:00:00Z',
): Cluster {
  return {
    apiVersion: 'pharos.io/v1alpha1',
    kind: 'Cluster',
    metadata: {
      name: cluster,
      namespace: 'pharos-broker',
      labels: labels(cluster),
      creationTimestamp: created,
    },
    spec: { clusterId: cluster, podCIDRs: [podCIDR], serviceCIDRs: [], ...change },
  };
}

export function endpointRecord(
  cluster: string,
  gateway: string,
  privateIP: string,
  change: Partial<TunnelEndpoint['spec']> = {},
): TunnelEndpoint {
  return {
    apiVersion: 'pharos.io/v1alpha1',
    kind: 'Endpoint',
    metadata: {
      name: `${cluster}.${gateway}`,
      namespace: 'pharos-broker',
      labels: labels(cluster),
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      clusterId: cluster,
      gateway,
      driver: 'vxlan',
      privateIP,
      port: 4790,
      publicKeys: [],
      leaseEpoch: 1,
      preferred: gateway === 'gw1',
      heartbeat: '2026-01-01T00:00:00Z',
      ...change,
    },
  };
}
