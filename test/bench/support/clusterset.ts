/** Numbered services for a clusterset of any size: what a cluster holds of each, and its records on the broker. */
import { parseClusterId } from '../../../src/api/identity.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { BROKER_NAMESPACE, Label } from '../../../src/api/names.ts';
import type { EndpointSlice, Service, ServiceExport } from '../../../src/api/objects.ts';
import { type ExportRecords, exportService } from '../../../src/discovery/export.ts';

export const NAMESPACES = Array.from({ length: 50 }, (_, at) => `ns${at}`);

export const namespaceOf = (number: number): string => NAMESPACES[number % NAMESPACES.length] ?? '';

interface ClusterObjects {
  readonly service: Service;
  readonly slice: EndpointSlice;
  readonly serviceExport: ServiceExport;
}

/** Every fourth service is headless, the others get their address from the API server. */
export function objectsOf(number: number): ClusterObjects {
  const metadata = { name: `svc-${number}`, namespace: namespaceOf(number) };
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      ...(number % 4 === 0 && { clusterIP: 'None' }),
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    },
  };
  return {
    service,
    slice: podSlice(service, [`10.60.${(number >> 8) & 255}.${number & 255}`]),
    serviceExport: { apiVersion: Kinds.ServiceExport.apiVersion, kind: 'ServiceExport', metadata },
  };
}

/** `service.namespace` */
export const headlessName = ({ metadata }: Service): string => `${metadata.name}.${metadata.namespace}`;

export const podSlice = (
  { metadata }: Service,
  addresses: readonly string[],
  suffix = 'a',
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: `${metadata.name}-${suffix}`,
    namespace: metadata.namespace ?? '',
    labels: { [Label.ownServiceName]: metadata.name },
  },
  addressType: 'IPv4',
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
});

/** One of many slices of a service, a share of whose pods have been replaced; the newest are not ready yet. */
export function rolledSlice(service: Service, at: number, size: number, share: number): EndpointSlice {
  const rolled = Math.round(size * share);
  const addresses = Array.from({ length: size }, (_, pod) => `10.${pod < rolled ? 91 : 90}.${at}.${pod}`);
  const slice = podSlice(service, addresses, String(at));
  return {
    ...slice,
    endpoints: slice.endpoints.map((endpoint, pod) => ({
      ...endpoint,
      conditions: { ready: share === 1 || pod >= rolled || pod < rolled - size / 10 },
    })),
  };
}

/** What a cluster would have written to the broker of a service. */
export function recordsOf(cluster: string, number: number): ExportRecords & { number: number; name: string } {
  const { service, slice, serviceExport } = objectsOf(number);
  const address = `10.0.${(number >> 8) & 255}.${number & 255}`;
  const exported = exportService({
    cluster: parseClusterId(cluster),
    brokerNamespace: BROKER_NAMESPACE,
    endpoints: 'service',
    serviceExport: {
      ...serviceExport,
      metadata: { ...serviceExport.metadata, creationTimestamp: '2026-01-01T00:00:00Z' },
    },
    service:
      service.spec.clusterIP === 'None'
        ? service
        : {
            ...service,
            spec: { ...service.spec, clusterIP: address, clusterIPs: [address], ipFamilies: ['IPv4'] },
          },
    slices: [slice],
  });
  if (exported.is !== 'valid') throw new Error(`${service.metadata.name} is ${exported.is}`);
  return { ...exported.records, number, name: service.metadata.name };
}
