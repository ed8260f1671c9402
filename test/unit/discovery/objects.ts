/** A cluster's own objects, as a test would write them in a manifest: all in namespace `shop`. */
import { Kinds } from '../../../src/api/kinds.ts';
import { Annotation, Label } from '../../../src/api/names.ts';
import type {
  Endpoint,
  EndpointSlice,
  IpFamily,
  Namespace,
  Service,
  ServiceExport,
  ServiceImport,
} from '../../../src/api/objects.ts';
import type { ExportRecord } from '../../../src/discovery/record.ts';
import { recordLabels } from '../../../src/discovery/labels.ts';
import { recordName } from '../../../src/discovery/record-name.ts';

export const NAMESPACE = 'shop';

export const namespace = (name: string): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
});

/** A ClusterIP Service with the port `http` 80. */
export const service = (name: string, spec: Partial<Service['spec']> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    clusterIP: '10.0.0.7',
    clusterIPs: ['10.0.0.7'],
    ipFamilies: ['IPv4'],
    ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    ...spec,
  },
});

export const headless = (name: string, spec: Partial<Service['spec']> = {}): Service =>
  service(name, { clusterIP: 'None', clusterIPs: ['None'], ...spec });

/** An endpoint of the pod `pod-<last number of the address>`. */
export const endpoint = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  addresses: [address],
  conditions: { ready: true },
  targetRef: { kind: 'Pod', name: `pod-${address.split(/[.:]/).at(-1)}`, namespace: NAMESPACE },
  ...more,
});

export const slice = (
  serviceName: string,
  name: string,
  endpoints: readonly Endpoint[],
  addressType: IpFamily | 'FQDN' = 'IPv4',
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: NAMESPACE, labels: { [Label.ownServiceName]: serviceName } },
  addressType,
  endpoints: [...endpoints],
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
});

export const serviceExport = (
  name: string,
  annotations?: Record<string, string>,
  spec?: ServiceExport['spec'],
): ServiceExport => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: { name, namespace: NAMESPACE, ...(annotations && { annotations }) },
  ...(spec && { spec }),
});

/** One cluster's record of `shop/web` as the other members read it, exported at `created`. */
export const exportRecord = (cluster: string, more: Partial<ExportRecord> = {}): ExportRecord => ({
  cluster,
  namespace: NAMESPACE,
  service: 'web',
  weight: 1,
  created: Date.UTC(2026, 0, 1),
  type: 'ClusterSetIP',
  ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  ips: ['10.0.0.7'],
  ipFamilies: ['IPv4'],
  sessionAffinity: 'None',
  exportedLabels: {},
  exportedAnnotations: {},
  ...more,
});

/** A record of `shop/web` as it stands on the broker. */
export const recordObject = (
  cluster: string,
  spec: object = {},
  annotations: Record<string, string> = {},
): ServiceImport => {
  const owner = { cluster, namespace: NAMESPACE, service: 'web' };
  return {
    apiVersion: Kinds.ServiceImport.apiVersion,
    kind: 'ServiceImport',
    metadata: {
      name: recordName(owner),
      namespace: 'pharos-broker',
      labels: recordLabels(owner),
      annotations: { [Annotation.exportCreated]: '2026-01-01T00:00:00Z', ...annotations },
    },
    spec: {
      type: 'ClusterSetIP',
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      ips: ['10.0.0.7'],
      ...spec,
    },
  };
};
