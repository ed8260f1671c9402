/** From a cluster's own objects to its records on the broker: what `ServiceExport` means. Pure. */
import type { ClusterId } from '../api/identity.ts';
import { ipFamily } from '../api/ip.ts';
import { Kinds } from '../api/kinds.ts';
import { Annotation, Label, MANAGED_BY } from '../api/names.ts';
import type {
  EndpointPort,
  EndpointSlice,
  IpFamily,
  Service,
  ServiceExport,
  ServiceImport,
  ServicePort,
} from '../api/objects.ts';
import { usableAnnotations, usableLabels } from './exported-metadata.ts';
import { recordLabels } from './labels.ts';
import { mirrorSlices, type SliceContent } from './mirror.ts';
import { type RecordOwner, recordName, recordSliceName } from './record-name.ts';
import { readSettings } from './settings.ts';

/** `service`: one slice with the Service IP per family; `pods`: a mirror of the Service's own slices. */
export type EndpointsMode = 'service' | 'pods';

export interface ExportInput {
  readonly cluster: ClusterId;
  readonly brokerNamespace: string;
  readonly endpoints: EndpointsMode;
  readonly serviceExport: ServiceExport | undefined;
  readonly service: Service | undefined;
  /** The Service's own EndpointSlices, in any order. */
  readonly slices: readonly EndpointSlice[];
}

/** One cluster's part of a service, as it stands on the broker. */
export interface ExportRecords {
  readonly serviceImport: ServiceImport;
  readonly slices: readonly EndpointSlice[];
}

/** `Valid` with its upstream reasons (mcs-api, ServiceExportConditionValid); nothing is published unless valid. */
export type Exported =
  | { readonly is: 'not-exported' }
  | { readonly is: 'invalid'; readonly reason: 'NoService' | 'InvalidServiceType'; readonly message: string }
  | { readonly is: 'valid'; readonly message: string; readonly records: ExportRecords };

export function exportService(input: ExportInput): Exported {
  const { serviceExport, service, cluster } = input;
  if (serviceExport === undefined || serviceExport.metadata.deletionTimestamp !== undefined) {
    return { is: 'not-exported' };
  }
  const { namespace = '', name } = serviceExport.metadata;
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
    return {
      is: 'invalid',
      reason: 'NoService',
      message: `There is no Service "${name}" in namespace "${namespace}"; it is exported as soon as it is created`,
    };
  }
  if (service.spec.type === 'ExternalName') {
    return {
      is: 'invalid',
      reason: 'InvalidServiceType',
      message: `Service "${name}" is of type ExternalName, which has no address to export; use a ClusterIP or headless Service`,
    };
  }
  const owner: RecordOwner = { cluster, namespace, service: name };
  const headless = service.spec.clusterIP === 'None';
  const serviceIps = headless ? [] : clusterIps(service);
  const { settings, problems } = readSettings(serviceExport);
  const labels = usableLabels(serviceExport.spec?.exportedLabels);
  const annotations = usableAnnotations(serviceExport.spec?.exportedAnnotations);
  const notes = [...problems, ...labels.problems, ...annotations.problems];
  const slices =
    headless || input.endpoints === 'pods'
      ? mirrorSlices(input.slices, service.spec.publishNotReadyAddresses === true)
      : serviceIps.map(({ address, family }) => serviceIpSlice(address, family, service, input.slices));
  const metadata = { namespace: input.brokerNamespace, labels: recordLabels(owner) };
  return {
    is: 'valid',
    message: [`Service "${name}" can be exported`, ...notes].join('; '),
    records: {
      serviceImport: {
        apiVersion: Kinds.ServiceImport.apiVersion,
        kind: 'ServiceImport',
        metadata: {
          ...metadata,
          name: recordName(owner),
          annotations: {
            ...annotation(Annotation.exportCreated, serviceExport.metadata.creationTimestamp),
            ...annotation(Annotation.weight, String(settings.weight)),
            ...annotation(Annotation.policy, settings.policy),
            ...annotation(Annotation.toClusters, settings.toClusters?.join(',')),
            ...annotation(Annotation.exportedLabels, jsonOf(labels.kept)),
            ...annotation(Annotation.exportedAnnotations, jsonOf(annotations.kept)),
          },
        },
        spec: {
          type: headless ? 'Headless' : 'ClusterSetIP',
          ports: (service.spec.ports ?? []).map(importPort),
          ips: serviceIps.map(({ address }) => address),
          ipFamilies: familiesOf(service, serviceIps),
          sessionAffinity: service.spec.sessionAffinity ?? 'None',
          ...definedOf(service.spec, 'sessionAffinityConfig', 'internalTrafficPolicy', 'trafficDistribution'),
        },
      },
      slices: slices.map(({ suffix, ...slice }) => ({
        apiVersion: Kinds.EndpointSlice.apiVersion,
        kind: 'EndpointSlice' as const,
        metadata: {
          ...metadata,
          name: recordSliceName(owner, suffix),
          labels: { ...metadata.labels, [Label.managedBy]: MANAGED_BY },
        },
        ...slice,
      })),
    },
  };
}

/** The Service IP as the one endpoint, ready while any backend of its family is: pods come and go unseen. */
function serviceIpSlice(
  address: string,
  family: IpFamily,
  service: Service,
  slices: readonly EndpointSlice[],
): SliceContent {
  const ready = slices.some(
    (slice) =>
      slice.addressType === family &&
      // The API server writes an empty list as null.
      (slice.endpoints ?? []).some(
        ({ conditions }) => conditions?.ready !== false || service.spec.publishNotReadyAddresses === true,
      ),
  );
  return {
    suffix: family.toLowerCase(),
    addressType: family,
    endpoints: [{ addresses: [address], conditions: { ready } }],
    ports: (service.spec.ports ?? [])
      .map(importPort)
      .map((port): EndpointPort => ({ ...port, name: port.name ?? '' })),
  };
}

function clusterIps({ spec }: Service): { address: string; family: IpFamily }[] {
  const listed = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return listed.flatMap((address) => {
    const family = ipFamily(address);
    return family === undefined ? [] : [{ address, family }];
  });
}

const familiesOf = ({ spec }: Service, ips: readonly { family: IpFamily }[]): IpFamily[] =>
  spec.ipFamilies ?? ips.map(({ family }) => family);

const importPort = ({ name, protocol = 'TCP', appProtocol, port }: ServicePort): ServicePort => ({
  ...(name === undefined || name === '' ? {} : { name }),
  protocol,
  ...(appProtocol === undefined ? {} : { appProtocol }),
  port,
});

const annotation = (name: string, value: string | undefined): Record<string, string> =>
  value === undefined ? {} : { [name]: value };

const jsonOf = (entries: Readonly<Record<string, string>>): string | undefined =>
  Object.keys(entries).length === 0 ? undefined : JSON.stringify(entries);

function definedOf<T extends object, K extends keyof T>(object: T, ...keys: K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {};
  for (const key of keys) if (object[key] !== undefined) picked[key] = object[key];
  return picked;
}
