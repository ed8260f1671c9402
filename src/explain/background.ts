/** The objects behind one service: what clusters have of it and what stands on the broker. */
import type { EndpointSlice, Service, ServiceExport, ServiceImport } from '../api/objects.ts';
import type { EndpointsMode } from '../discovery/export.ts';
import type { ImportFilters } from '../discovery/import-filters.ts';
import type { OwnAddresses } from '../discovery/own-addresses.ts';

/** What one cluster has of a service. */
export interface ServiceObjects {
  readonly cluster: string;
  readonly hasNamespace: boolean;
  readonly service: Service | undefined;
  readonly serviceExport: ServiceExport | undefined;
  /** The Service's own. */
  readonly slices: readonly EndpointSlice[];
  readonly serviceImport: ServiceImport | undefined;
}

export interface Heartbeat {
  /** RFC 3339. */
  readonly renewed: string;
  /** Whether that is longer ago than it may be. */
  readonly isSilent: boolean;
}

export interface BrokerObjects {
  readonly namespace: string;
  /** The records of the service, of any cluster. */
  readonly records: readonly ServiceImport[];
  /** Their endpoints. */
  readonly slices: readonly EndpointSlice[];
  /** cluster → its last heartbeat */
  readonly heartbeats: ReadonlyMap<string, Heartbeat>;
}

export interface Background {
  /** Of the cluster whose server answers. */
  readonly here: ServiceObjects;
  /** Of further clusters that can be looked into. */
  readonly elsewhere: readonly ServiceObjects[];
  /** Undefined where it cannot be read. */
  readonly broker: BrokerObjects | undefined;
  /** Settings of this cluster's agent. */
  readonly endpoints: EndpointsMode;
  readonly filters: ImportFilters;
  /** Addresses that no other cluster can have. */
  readonly own: OwnAddresses;
  /** Milliseconds. */
  readonly expireAfterMs: number | undefined;
}
