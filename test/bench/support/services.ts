/** The same names for every server: `svcN.nsM.svc.clusterset.local`, one address each. */
import { Annotation, Label, MANAGED_BY } from '../../../src/api/names.ts';

const NAMESPACES = 50;
const TTL = 5;

interface BenchService {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
}

export function benchServices(count: number): BenchService[] {
  return Array.from({ length: count }, (_, n) => ({
    name: `svc${n}`,
    namespace: `ns${n % NAMESPACES}`,
    address: `10.60.${(n >> 8) & 255}.${n & 255}`,
  }));
}

const ownerOf = ({ name, namespace }: BenchService): string => `${name}.${namespace}.svc.clusterset.local.`;

/** One query per name, as dnsperf reads them. */
export const queriesOf = (services: readonly BenchService[]): string =>
  services.map((service) => `${ownerOf(service)} A\n`).join('');

/** The zone for servers that read zone files. */
export function zoneFileOf(services: readonly BenchService[]): string {
  const origin = 'clusterset.local.';
  return [
    `$TTL ${TTL}`,
    `${origin} IN SOA ns.dns.${origin} hostmaster.${origin} 1 7200 1800 86400 ${TTL}`,
    `${origin} IN NS ns.dns.${origin}`,
    `ns.dns.${origin} IN A 127.0.0.1`,
    ...services.map((service) => `${ownerOf(service)} IN A ${service.address}`),
    '',
  ].join('\n');
}

/** What a member cluster holds of them, as a manifest: imports in direct mode, exported by one cluster. */
export function manifestOf(services: readonly BenchService[]): string {
  const items = services.flatMap(({ name, namespace, address }) => [
    {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: {
        namespace,
        name,
        labels: { [Label.importManagedBy]: MANAGED_BY },
        annotations: {
          [Annotation.exports]: JSON.stringify([{ cluster: 'west', ips: [address], weight: 1 }]),
        },
      },
      spec: { type: 'ClusterSetIP', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ips: [] },
      status: { clusters: [{ cluster: 'west' }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        namespace,
        name: `${name}.west.ipv4`,
        labels: {
          [Label.serviceName]: name,
          [Label.sourceCluster]: 'west',
          [Label.managedBy]: MANAGED_BY,
        },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
  ]);
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
