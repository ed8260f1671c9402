/**
 * The objects that a zone is made of, cut down to what it reads: what is kept for it elsewhere (a snapshot on
 * disk, a Redis that many servers share) need not be larger. Cutting changes nothing of what the zone makes of
 * an object, which a property test holds against the parsers here.
 */
import type { ConfigMap } from '../api/administration.ts';
import { Label } from '../api/names.ts';
import type { EndpointSlice, KubeObject, ObjectMeta, ServiceImport } from '../api/objects.ts';
import type { Gateway } from '../api/tunnel.ts';

/** Labels and annotations that decide something; everybody may set others. */
const OURS =
  /^(pharos\.io|multicluster\.kubernetes\.io|endpointslice\.kubernetes\.io|service\.kubernetes\.io)\//;

/** Which slices: those that a cluster exported. */
export const SLICES_OF_ZONE = { labelExists: [Label.sourceCluster] } as const;

export function cutImport({ apiVersion, kind, metadata, spec, status }: ServiceImport): ServiceImport {
  return {
    apiVersion,
    kind,
    metadata: cutMetadata(metadata),
    spec,
    ...(status?.clusters !== undefined && { status: { clusters: status.clusters } }),
  };
}

export function cutSlice(slice: EndpointSlice): EndpointSlice {
  const { apiVersion, kind, metadata, addressType, endpoints, ports } = slice;
  return {
    apiVersion,
    kind,
    metadata: cutMetadata(metadata),
    addressType,
    endpoints: (endpoints ?? []).map(({ addresses, conditions, hostname, zone, targetRef }) => ({
      addresses,
      ...(conditions !== undefined && { conditions }),
      ...(hostname !== undefined && { hostname }),
      ...(zone !== undefined && { zone }),
      ...(targetRef?.kind === 'Pod' &&
        targetRef.name !== undefined && {
          targetRef: { kind: 'Pod', name: targetRef.name },
        }),
    })),
    ports,
  };
}

export const cutDrained = ({ apiVersion, kind, metadata, data }: ConfigMap): ConfigMap => ({
  apiVersion,
  kind,
  metadata: cutMetadata(metadata),
  ...(data !== undefined && { data }),
});

/** With its heartbeat, which tells how long it may be believed. */
export function cutGateway({ apiVersion, kind, metadata, status }: Gateway): Gateway {
  const { connections, heartbeat } = status ?? {};
  return {
    apiVersion,
    kind,
    metadata: cutMetadata(metadata),
    ...(connections !== undefined && {
      status: {
        ...(heartbeat !== undefined && { heartbeat }),
        // Round-trip times change with each probe, and no answer with them.
        connections: connections.map(({ cluster, state, reason }) => ({
          cluster,
          state,
          ...(reason !== undefined && { reason }),
        })),
      },
    }),
  };
}

function cutMetadata({ name, namespace, labels, annotations }: KubeObject['metadata']): ObjectMeta {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...ours('labels', labels),
    ...ours('annotations', annotations),
  };
}

function ours<F extends 'labels' | 'annotations'>(
  field: F,
  values: Record<string, string> | undefined,
): { [key in F]?: Record<string, string> } {
  const kept = Object.entries(values ?? {}).filter(([name]) => OURS.test(name));
  return kept.length === 0
    ? {}
    : ({ [field]: Object.fromEntries(kept) } as { [key in F]?: Record<string, string> });
}
