/** What Submariner's Lighthouse (0.16 and later) makes in a member, as far as it is read here. */
import type { Kind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/objects.ts';

/** submariner.io: asks Submariner's operator for service discovery. */
export interface ServiceDiscovery extends KubeObject {
  kind: 'ServiceDiscovery';
  spec: {
    clusterID: string;
    brokerK8sApiServer?: string;
    brokerK8sRemoteNamespace?: string;
    customDomains?: string[];
    globalnetEnabled?: boolean;
  };
}

export const SERVICE_DISCOVERY: Kind<ServiceDiscovery> = {
  apiVersion: 'submariner.io/v1alpha1',
  kind: 'ServiceDiscovery',
  plural: 'servicediscoveries',
  namespaced: true,
};

export const LIGHTHOUSE = {
  /** Where the operator, and everything of Lighthouse that is no user's, lives. */
  namespace: 'submariner-operator',
  brokerNamespace: 'submariner-k8s-broker',
  /** Deployment, Service and ConfigMap of its DNS server. */
  dns: 'submariner-lighthouse-coredns',
  agent: 'submariner-lighthouse-agent',
  operator: 'submariner-operator',
  /** The value of `endpointslice.kubernetes.io/managed-by` on its EndpointSlices. */
  sliceManager: 'lighthouse-agent.submariner.io',
  /** Its key in ConfigMap coredns-custom. */
  customKey: 'lighthouse.server',
  zone: 'clusterset.local',
} as const;
