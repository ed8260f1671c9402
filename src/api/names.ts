/**
 * Labels, annotations and fixed names: the vocabulary that Pharos shares with Kubernetes, with the
 * Multi-Cluster Services API (KEP-1645) and with itself. Nothing else in the code spells these strings.
 */

/** Labels of the Multi-Cluster Services API and of Kubernetes. */
export const Label = {
  /** The cluster an object's content comes from. On the broker it also names the object's only writer. */
  sourceCluster: 'multicluster.kubernetes.io/source-cluster',
  /** The ServiceImport that an imported EndpointSlice belongs to. */
  serviceName: 'multicluster.kubernetes.io/service-name',
  /** The Service that a cluster's own EndpointSlice belongs to. */
  ownServiceName: 'kubernetes.io/service-name',
  /** Who maintains an EndpointSlice; objects whose value is not {@link MANAGED_BY} are not ours to touch. */
  managedBy: 'endpointslice.kubernetes.io/managed-by',
  /** Marks a ServiceImport that Pharos wrote (ServiceImports have no upstream label for that). */
  importManagedBy: 'pharos.io/managed-by',
  /** On broker records: the namespace of the exported Service (the record itself is in the broker's). */
  sourceNamespace: 'pharos.io/source-namespace',
  /** Kubernetes sets it on the slices of headless Services. */
  headless: 'service.kubernetes.io/headless',
} as const;

/** The value of {@link Label.managedBy} and {@link Label.importManagedBy} on everything that Pharos writes. */
export const MANAGED_BY = 'pharos.io';

/** The Lease that the agents of one cluster share. */
export const AGENT_LEASE = 'pharos-agent';

/** Annotations of Pharos's own. */
export const Annotation = {
  /** Broker record: RFC 3339 creation time of the ServiceExport; the oldest export wins conflicts. */
  exportCreated: 'pharos.io/export-created',
  /** ServiceExport and broker record: integer 0 to 1000, the cluster's share of answers; 0 = never chosen. */
  weight: 'pharos.io/weight',
  /** ServiceExport, broker record and import: `local`, `weighted` or `all`. */
  policy: 'pharos.io/policy',
  /** ServiceExport and broker record: comma-separated cluster ids; others never see the service. */
  toClusters: 'pharos.io/to-clusters',
  /** Broker record: JSON object, the export's `spec.exportedLabels`. */
  exportedLabels: 'pharos.io/exported-labels',
  /** Broker record: JSON object, the export's `spec.exportedAnnotations`. */
  exportedAnnotations: 'pharos.io/exported-annotations',
  /** Imported ServiceImport: JSON array of {@link ExportSummary}, one per merged exporting cluster. */
  exports: 'pharos.io/exports',
  /** Member's ServiceAccount and heartbeat on the broker: uid of the `kube-system` namespace of the cluster that joined. */
  clusterUid: 'pharos.io/cluster-uid',
  /** Heartbeat: JSON object, cluster → milliseconds that its heartbeats took to here by the two clocks. */
  heard: 'pharos.io/heard',
  /**
   * Record slice and imported slice: RFC 3339 time with milliseconds at which the exporting cluster's agent
   * learned of the change, by the clock of the cluster that the object is in the records of, or stands in.
   */
  changed: 'pharos.io/changed',
  /** The agents' election Lease in a member: RFC 3339 time at which the one that leads last had an answer of the broker. */
  brokerReached: 'pharos.io/broker-reached',
  /** Heartbeat: version of the agent that beats. */
  version: 'pharos.io/version',
  /** Service (from Kubernetes, still honoured): publish endpoints before they are ready. */
  publishNotReady: 'pharos.io/publish-not-ready',
  /** Node with a gateway: the address that it is reached at from outside. */
  publicIp: 'pharos.io/public-ip',
} as const;

/** What the zone must know of one exporting cluster, carried by {@link Annotation.exports} on an import. */
export interface ExportSummary {
  readonly cluster: string;
  /** The exporting cluster's own Service IPs, at most one per family; empty for a headless Service. */
  readonly ips: readonly string[];
  /** 0 to 1000; 1 unless the export says otherwise; 0 = never chosen. */
  readonly weight: number;
}

/** The broker namespace unless `--broker-namespace` says otherwise. */
export const BROKER_NAMESPACE = 'pharos-broker';

/** Pharos's own namespace in a member cluster. */
export const SYSTEM_NAMESPACE = 'pharos-system';

/** The name that Pharos's server-side applies carry in `metadata.managedFields`. */
export const FIELD_MANAGER = 'pharos';
