/** From the clusterset's view to the objects of one member cluster. Pure. */
import { ipFamily } from '../api/ip.ts';
import { isDnsLabel } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Annotation, type ExportSummary, Label, MANAGED_BY } from '../api/names.ts';
import type { Endpoint, EndpointPort, EndpointSlice, ServiceImport } from '../api/objects.ts';
import type { View } from './aggregate.ts';
import { ownerOf } from './labels.ts';
import { importedSliceName, type RecordOwner, sliceSuffix } from './record-name.ts';

/** What a member should hold of one service. */
export interface ImportedObjects {
  readonly serviceImport: ServiceImport;
  readonly slices: readonly EndpointSlice[];
  /** Record slices that cannot be used: name → why. */
  readonly rejected: ReadonlyMap<string, string>;
}

/** The API server takes no more (discovery/v1, EndpointSlice.endpoints). */
const MAX_ENDPOINTS = 1000;
/** What only Pharos and Kubernetes may say in labels and annotations of an import. */
const RESERVED = /(^|[./])(kubernetes\.io|k8s\.io|pharos\.io)\//;

/** @param recordSlices the slices of the service's records on the broker, in any order */
export function importedObjects(
  namespace: string,
  service: string,
  view: View,
  recordSlices: readonly EndpointSlice[],
): ImportedObjects {
  const merged = new Set<string>(view.merged.map(({ cluster }) => cluster));
  const rejected = new Map<string, string>();
  const slices: EndpointSlice[] = [];
  for (const recordSlice of recordSlices) {
    const owner = ownerOf(recordSlice);
    if (owner === undefined || !merged.has(owner.cluster)) continue;
    const slice = importedSlice(owner, recordSlice);
    if ('rejected' in slice) rejected.set(recordSlice.metadata.name, slice.rejected);
    else slices.push(slice);
  }
  const exports = view.merged
    .map(({ cluster, ips, weight }): ExportSummary => ({ cluster, ips, weight }))
    .sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return {
    serviceImport: {
      apiVersion: Kinds.ServiceImport.apiVersion,
      kind: 'ServiceImport',
      metadata: {
        name: service,
        namespace,
        labels: { ...withoutReserved(view.labels), [Label.importManagedBy]: MANAGED_BY },
        annotations: {
          ...withoutReserved(view.annotations),
          [Annotation.exports]: JSON.stringify(exports),
          ...(view.policy === undefined ? {} : { [Annotation.policy]: view.policy }),
        },
      },
      spec: { ...view.spec, ips: [] },
      status: {
        endpointSliceObjects: 'Present',
        clusters: exports.map(({ cluster }) => ({ cluster })),
      },
    },
    slices,
    rejected,
  };
}

function importedSlice(
  owner: RecordOwner,
  record: EndpointSlice,
): EndpointSlice | { readonly rejected: string } {
  const suffix = sliceSuffix(owner, record.metadata.name);
  if (suffix === undefined) return { rejected: 'its name is not one that its labels ask for' };
  if (record.addressType !== 'IPv4' && record.addressType !== 'IPv6') {
    return { rejected: `addressType is "${record.addressType}", must be IPv4 or IPv6` };
  }
  if (!Array.isArray(record.endpoints) || record.endpoints.length > MAX_ENDPOINTS) {
    return { rejected: `it must have a list of at most ${MAX_ENDPOINTS} endpoints` };
  }
  return {
    apiVersion: Kinds.EndpointSlice.apiVersion,
    kind: 'EndpointSlice',
    metadata: {
      name: importedSliceName(owner, suffix),
      namespace: owner.namespace,
      labels: {
        [Label.serviceName]: owner.service,
        [Label.sourceCluster]: owner.cluster,
        [Label.managedBy]: MANAGED_BY,
      },
    },
    addressType: record.addressType,
    endpoints: record.endpoints.flatMap((endpoint) => importedEndpoint(endpoint, record.addressType)),
    ports: (record.ports ?? []).flatMap(importedPort),
  };
}

/** Fields that are somebody else's are taken one by one; what this API server would refuse is left out. */
function importedEndpoint(endpoint: Endpoint, addressType: string): Endpoint[] {
  const addresses = endpoint.addresses.filter((address) => ipFamily(address) === addressType);
  if (addresses.length === 0) return [];
  const { conditions, hostname, zone, targetRef } = endpoint;
  return [
    {
      addresses,
      ...(conditions === undefined ? {} : { conditions }),
      ...(hostname === undefined || !isDnsLabel(hostname) ? {} : { hostname }),
      ...(zone === undefined ? {} : { zone }),
      ...(targetRef === undefined ? {} : { targetRef }),
    },
  ];
}

function importedPort({ name = '', protocol = 'TCP', port, appProtocol }: EndpointPort): EndpointPort[] {
  if ((name !== '' && !isDnsLabel(name)) || !['TCP', 'UDP', 'SCTP'].includes(protocol)) return [];
  return [
    {
      name,
      protocol,
      ...(port === undefined ? {} : { port }),
      ...(appProtocol === undefined ? {} : { appProtocol }),
    },
  ];
}

const withoutReserved = (map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).filter(([key]) => !RESERVED.test(key)));
