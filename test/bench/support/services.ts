/**
 * The same names for every server: `svcN.nsM.svc.clusterset.local` with one address and one port each, and headless
 * services of 10 and of 300 endpoints.
 */
import { Annotation, Label, MANAGED_BY } from '../../../src/api/names.ts';
import type { EndpointSlice, ServiceImport } from '../../../src/api/objects.ts';

export const NAMESPACES = 50;
const ORIGIN = 'clusterset.local.';
const TTL = 5;
const PORT = { name: 'http', port: 80, protocol: 'TCP' } as const;

interface BenchService {
  readonly name: string;
  readonly namespace: string;
  /** One where it is not headless. */
  readonly addresses: readonly string[];
  readonly headless: boolean;
}

/** @param count of ordinary services; there are a hundredth as many headless ones of 10 endpoints, and ten of 300 */
export function benchServices(count: number): BenchService[] {
  const address = (net: number, n: number): string => `10.${net}.${(n >> 8) & 255}.${n & 255}`;
  const headless = (size: number, net: number, n: number): BenchService => ({
    name: `h${size}-${n}`,
    namespace: `ns${n % NAMESPACES}`,
    addresses: Array.from({ length: size }, (_, endpoint) => address(net + (n & 63), endpoint + 1)),
    headless: true,
  });
  return [
    ...Array.from({ length: count }, (_, n) => ({
      name: `svc${n}`,
      namespace: `ns${n % NAMESPACES}`,
      addresses: [address(60, n)],
      headless: false,
    })),
    ...Array.from({ length: Math.max(1, Math.floor(count / 100)) }, (_, n) => headless(10, 64, n)),
    ...Array.from({ length: 10 }, (_, n) => headless(300, 128, n)),
  ];
}

const ownerOf = ({ name, namespace }: BenchService): string => `${name}.${namespace}.svc.${ORIGIN}`;

/** What is asked: a file as dnsperf reads it. */
export type Asked = 'a' | 'mixed' | 'nxdomain' | 'headless-10' | 'headless-300';

/** Random names must not come again so soon that a cache of a usual size has them. */
const RANDOM_NAMES = 100_000;

export function queriesOf(services: readonly BenchService[], asked: Asked): string {
  const plain = services.filter(({ headless }) => !headless);
  const sized = (prefix: string): string[] =>
    services.filter(({ name }) => name.startsWith(prefix)).map((each) => `${ownerOf(each)} A`);
  const lines = ((): string[] => {
    switch (asked) {
      case 'a':
        return plain.map((service) => `${ownerOf(service)} A`);
      case 'nxdomain':
        return Array.from({ length: RANDOM_NAMES }, (_, n) => `${randomName(n)} A`);
      case 'mixed':
        return Array.from({ length: RANDOM_NAMES }, (_, n) => {
          const owner = ownerOf(plain[mix(n) % plain.length]!);
          return [`${owner} A`, `${owner} AAAA`, `_http._tcp.${owner} SRV`, `${randomName(n)} A`][n % 4]!;
        });
      case 'headless-10':
        return sized('h10-');
      case 'headless-300':
        return sized('h300-');
      default:
        return asked satisfies never;
    }
  })();
  return `${lines.join('\n')}\n`;
}

const randomName = (n: number): string => `x${mix(n).toString(36)}-${n}.ns${n % NAMESPACES}.svc.${ORIGIN}`;

/** A number from another, the same each time. */
const mix = (n: number): number => Math.imul(n ^ (n >>> 15), 0x2c1b_3c6d) >>> 1;

/** The zone for servers that read zone files. */
export function zoneFileOf(services: readonly BenchService[]): string {
  return [
    `$TTL ${TTL}`,
    `${ORIGIN} IN SOA ns.dns.${ORIGIN} hostmaster.${ORIGIN} 1 7200 1800 86400 ${TTL}`,
    `${ORIGIN} IN NS ns.dns.${ORIGIN}`,
    `ns.dns.${ORIGIN} IN A 127.0.0.1`,
    ...services.flatMap((service) => [
      ...service.addresses.map((address) => `${ownerOf(service)} IN A ${address}`),
      ...(service.headless ? [] : [`_http._tcp.${ownerOf(service)} IN SRV 0 100 80 ${ownerOf(service)}`]),
    ]),
    '',
  ].join('\n');
}

/** What a member cluster holds of a service: an import with its clusterset IP, or with its endpoints in a slice. */
export function objectsOf(service: BenchService): [ServiceImport, EndpointSlice] {
  const { name, namespace, addresses, headless } = service;
  const ips = headless ? [] : [...addresses];
  return [
    {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: {
        namespace,
        name,
        labels: { [Label.importManagedBy]: MANAGED_BY },
        annotations: { [Annotation.exports]: JSON.stringify([{ cluster: 'west', ips, weight: 1 }]) },
      },
      spec: { type: headless ? 'Headless' : 'ClusterSetIP', ports: [PORT], ips },
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
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports: [PORT],
    },
  ];
}

/** A headless service of which each endpoint has a name: its objects, and those names. */
export function headlessService(
  n: number,
  size: number,
): { readonly objects: [ServiceImport, EndpointSlice]; readonly names: readonly string[] } {
  const name = `big${n}`;
  const namespace = `ns${n % NAMESPACES}`;
  const addresses = Array.from(
    { length: size },
    (_, index) => `10.${128 + (n >> 7)}.${((n & 127) << 1) | (index >> 8)}.${index & 255}`,
  );
  const [serviceImport, slice] = objectsOf({ name, namespace, addresses, headless: true });
  const endpoints = slice.endpoints.map((endpoint, index) => ({ ...endpoint, hostname: `pod-${index}` }));
  return {
    objects: [serviceImport, { ...slice, endpoints }],
    names: endpoints.map(({ hostname }) => `${hostname}.west.${name}.${namespace}.svc.clusterset.local`),
  };
}

export const manifestOf = (services: readonly BenchService[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items: services.flatMap(objectsOf) });
