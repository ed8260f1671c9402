/** From the clusterset's view to the objects of one member cluster. Pure. */
import { Kinds } from '../api/kinds.ts';
import { Annotation, type ExportSummary, Label, MANAGED_BY } from '../api/names.ts';
import type { Condition, EndpointSlice, ServiceImport } from '../api/objects.ts';
import type { View } from './aggregate.ts';
import { byText } from './conflict.ts';
import { importedSliceName } from './record-name.ts';
import type { RecordSlice } from './record-slice.ts';

/** What a member should hold of one service. */
export interface ImportedObjects {
  readonly serviceImport: ServiceImport;
  readonly slices: readonly EndpointSlice[];
}

/** The suffixes of slices whose endpoint is a Service IP, not a pod. */
const OF_SERVICE_IPS = new Set(['ipv4', 'ipv6']);

/** What this cluster adds to the view. */
export interface Own {
  /** Clusterset IPs; none in direct mode, and for a headless service. */
  readonly ips: readonly string[];
  readonly conditions: readonly Condition[];
}

const NOTHING: Own = { ips: [], conditions: [] };

/** @param recordSlices the slices of the service's records, in any order */
export function importedObjects(
  namespace: string,
  service: string,
  view: View,
  recordSlices: readonly RecordSlice[],
  { ips, conditions }: Own = NOTHING,
): ImportedObjects {
  const merged = new Set(view.merged.map(({ cluster }) => cluster));
  const exports = view.merged
    .map(({ cluster, ips, weight }): ExportSummary => ({ cluster, ips, weight }))
    .sort((a, b) => byText(a.cluster, b.cluster));
  return {
    serviceImport: {
      apiVersion: Kinds.ServiceImport.apiVersion,
      kind: 'ServiceImport',
      metadata: {
        name: service,
        namespace,
        labels: { ...view.labels, [Label.importManagedBy]: MANAGED_BY },
        annotations: {
          ...view.annotations,
          [Annotation.exports]: JSON.stringify(exports),
          ...(view.policy === undefined ? {} : { [Annotation.policy]: view.policy }),
        },
      },
      spec: { ...view.spec, ips: [...ips] },
      status: {
        endpointSliceObjects: 'Present',
        clusters: exports.map(({ cluster }) => ({ cluster })),
        ...(conditions.length > 0 && { conditions: [...conditions] }),
      },
    },
    slices: recordSlices
      .filter(({ cluster }) => merged.has(cluster))
      // A record and its slices arrive one by one: while a Service becomes headless, its IP is no endpoint.
      .filter(({ suffix }) => view.spec.type !== 'Headless' || !OF_SERVICE_IPS.has(suffix))
      .map((slice) => ({
        apiVersion: Kinds.EndpointSlice.apiVersion,
        kind: 'EndpointSlice',
        metadata: {
          name: importedSliceName(slice, slice.suffix),
          namespace,
          labels: {
            [Label.serviceName]: service,
            [Label.sourceCluster]: slice.cluster,
            [Label.managedBy]: MANAGED_BY,
          },
        },
        addressType: slice.addressType,
        endpoints: [...slice.endpoints],
        ports: [...slice.ports],
      })),
  };
}
