/**
 * The Kubernetes and Multi-Cluster Services objects that Pharos reads and writes, cut down to the fields
 * that it uses. Field names and meaning are those of the published APIs (core/v1, discovery.k8s.io/v1,
 * coordination.k8s.io/v1, multicluster.x-k8s.io/v1beta1).
 */

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  /** RFC 3339. */
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** metav1.Condition */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

export type IpFamily = 'IPv4' | 'IPv6';
export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export type SessionAffinity = 'None' | 'ClientIP';
export interface SessionAffinityConfig {
  clientIP?: { timeoutSeconds?: number };
}

export interface Namespace extends KubeObject {
  kind: 'Namespace';
}

/** A machine of the cluster. */
export interface Node extends KubeObject {
  kind: 'Node';
  spec?: { podCIDR?: string; podCIDRs?: string[] };
  status?: { addresses?: { type: string; address: string }[] };
}

export interface ServicePort {
  name?: string;
  protocol?: Protocol;
  appProtocol?: string;
  port: number;
}

export interface Service extends KubeObject {
  kind: 'Service';
  spec: {
    type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
    /** `None` for a headless Service. */
    clusterIP?: string;
    clusterIPs?: string[];
    ipFamilies?: IpFamily[];
    ports?: ServicePort[];
    sessionAffinity?: SessionAffinity;
    sessionAffinityConfig?: SessionAffinityConfig;
    internalTrafficPolicy?: string;
    trafficDistribution?: string;
    publishNotReadyAddresses?: boolean;
  };
}

export interface Endpoint {
  addresses: string[];
  /** An absent condition means true for `ready` and `serving`, false for `terminating` (upstream's rule). */
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
  hostname?: string;
  nodeName?: string;
  zone?: string;
  targetRef?: { kind?: string; name?: string; namespace?: string };
}

export interface EndpointPort {
  name?: string;
  protocol?: Protocol;
  port?: number;
  appProtocol?: string;
}

export interface EndpointSlice extends KubeObject {
  kind: 'EndpointSlice';
  addressType: IpFamily | 'FQDN';
  endpoints: Endpoint[];
  ports: EndpointPort[];
}

export interface ServiceExport extends KubeObject {
  kind: 'ServiceExport';
  spec?: { exportedLabels?: Record<string, string>; exportedAnnotations?: Record<string, string> };
  status?: { conditions?: Condition[] };
}

export type ServiceImportType = 'ClusterSetIP' | 'Headless';

export interface ServiceImport extends KubeObject {
  kind: 'ServiceImport';
  spec: {
    type: ServiceImportType;
    ports: ServicePort[];
    /**
     * In a member: the clusterset IPs, empty in direct mode. On the broker: the exporting cluster's own
     * Service IPs.
     */
    ips?: string[];
    ipFamilies?: IpFamily[];
    sessionAffinity?: SessionAffinity;
    sessionAffinityConfig?: SessionAffinityConfig;
    internalTrafficPolicy?: string;
    trafficDistribution?: string;
  };
  status?: {
    endpointSliceObjects?: 'Present' | 'Absent';
    clusters?: { cluster: string }[];
    conditions?: Condition[];
  };
}

/** events.k8s.io/v1 */
export interface Event extends KubeObject {
  kind: 'Event';
  /** RFC 3339 with microseconds. */
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  type: 'Normal' | 'Warning';
  note: string;
  regarding: { apiVersion: string; kind: string; name: string; namespace: string; uid?: string };
  series?: { count: number; lastObservedTime: string };
}

export interface Lease extends KubeObject {
  kind: 'Lease';
  spec: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    /** RFC 3339 with microseconds. */
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}
