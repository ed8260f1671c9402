/** What the page is made from: objects as stores hold them now. */
import type { ConfigMap } from '../api/administration.ts';
import type { EndpointSlice, Lease, ServiceExport, ServiceImport } from '../api/objects.ts';
import type { Cluster, Gateway } from '../api/tunnel.ts';

/** One member cluster, as its own API shows it. */
export interface ClusterSight {
  readonly id: string;
  readonly imports: readonly ServiceImport[];
  /** Imported ones and, where its own Services' can be seen too, those. */
  readonly slices: readonly EndpointSlice[];
  readonly exports: readonly ServiceExport[];
  readonly gateways: readonly Gateway[];
  /** What the other members say of themselves. */
  readonly records: readonly Cluster[];
  readonly drained: ConfigMap | undefined;
  /** Why what is here may be old; absent while it is fresh. */
  readonly lost?: string;
  /** In the playground: where its DNS server answers, and whether it is cut off. */
  readonly dns?: string;
  readonly isConnected?: boolean;
}

export interface BrokerSight {
  readonly leases: readonly Lease[];
  /** One per exporting cluster and service. */
  readonly records: readonly ServiceImport[];
  readonly drained: ConfigMap | undefined;
  readonly lost?: string;
  /** Milliseconds since 1970: since when it is out of sight. */
  readonly lostAt?: number;
}

export interface Sights {
  readonly kind: 'playground' | 'clusterset';
  readonly source: string;
  /** Without the final dot. */
  readonly zone: string;
  readonly clusters: readonly ClusterSight[];
  /** Absent where it is not looked at. */
  readonly broker?: BrokerSight;
  readonly problems: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}
