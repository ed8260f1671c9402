/**
 * A language to write tests of the zone in: services as a member cluster holds them, questions as they
 * are typed at dig, answers as zone-file text.
 */
import { parseClusterId } from '../../../src/api/identity.ts';
import { ipFamily } from '../../../src/api/ip.ts';
import { Annotation, Label, type ExportSummary } from '../../../src/api/names.ts';
import type { EndpointSlice, ServiceImport, ServicePort } from '../../../src/api/objects.ts';
import { parseDomainName } from '../../../src/zone/name.ts';
import { RRType, type Answer, type Asker, type ResourceRecord } from '../../../src/zone/records.ts';
import { Zone, type ZoneOptions } from '../../../src/zone/zone.ts';

export interface ServiceText {
  readonly type?: 'ClusterSetIP' | 'Headless';
  /** `http 80/TCP`, or `80/TCP` for one without a name. */
  readonly ports?: readonly string[];
  /** Clusterset IPs: virtual mode. */
  readonly ips?: readonly string[];
  readonly policy?: string;
  readonly affinity?: boolean;
  readonly publishNotReady?: boolean;
  /** cluster → its part */
  readonly from: Readonly<Record<string, PartText>>;
  /** As another implementation would write the import: without `pharos.io/exports`. */
  readonly foreign?: boolean;
}

export interface PartText {
  /** The cluster's Service IPs. */
  readonly ips?: readonly string[];
  readonly weight?: number;
  /** `10.1.0.5`, then any of `host=NAME`, `pod=NAME`, `unready`; several addresses joined by a comma. */
  readonly endpoints?: readonly string[];
}

export interface Objects {
  readonly imports: readonly ServiceImport[];
  readonly slices: readonly EndpointSlice[];
}

/** @param services `namespace/name` → service */
export function objectsOf(services: Readonly<Record<string, ServiceText>>): Objects {
  const imports: ServiceImport[] = [];
  const slices: EndpointSlice[] = [];
  for (const [key, service] of Object.entries(services)) {
    const [namespace = '', name = ''] = key.split('/');
    imports.push(importOf(namespace, name, service));
    for (const [cluster, part] of Object.entries(service.from)) {
      slices.push(...slicesOf(namespace, name, cluster, part.endpoints ?? part.ips ?? [], service.ports));
    }
  }
  return { imports, slices };
}

function importOf(namespace: string, name: string, service: ServiceText): ServiceImport {
  const exports: ExportSummary[] = Object.entries(service.from).map(([cluster, { ips, weight }]) => ({
    cluster,
    ips: ips ?? [],
    weight: weight ?? 1,
  }));
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceImport',
    metadata: {
      namespace,
      name,
      annotations: {
        ...(!service.foreign && { [Annotation.exports]: JSON.stringify(exports) }),
        ...(service.policy !== undefined && { [Annotation.policy]: service.policy }),
        ...(service.publishNotReady && { [Annotation.publishNotReady]: 'true' }),
      },
    },
    spec: {
      type: service.type ?? 'ClusterSetIP',
      ports: (service.ports ?? []).map(portOf),
      ips: [...(service.ips ?? [])],
      ...(service.affinity && { sessionAffinity: 'ClientIP' }),
    },
    status: { clusters: Object.keys(service.from).map((cluster) => ({ cluster })) },
  };
}

function slicesOf(
  namespace: string,
  service: string,
  cluster: string,
  endpoints: readonly string[],
  ports: readonly string[] = [],
): EndpointSlice[] {
  return (['IPv4', 'IPv6'] as const).flatMap((family) => {
    const ofFamily = endpoints
      .map(endpointOf)
      .filter(({ addresses }) => ipFamily(addresses[0] ?? '') === family);
    if (ofFamily.length === 0) return [];
    return [
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          namespace,
          name: `${service}.${cluster}.${family.toLowerCase()}`,
          labels: {
            [Label.serviceName]: service,
            [Label.sourceCluster]: cluster,
            [Label.managedBy]: 'pharos.io',
          },
        },
        addressType: family,
        endpoints: ofFamily,
        ports: ports.map(portOf),
      },
    ];
  });
}

function endpointOf(text: string): EndpointSlice['endpoints'][number] {
  const [addresses = '', ...words] = text.split(' ');
  const value = (key: string): string | undefined =>
    words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const [hostname, pod] = [value('host'), value('pod')];
  return {
    addresses: addresses.split(','),
    conditions: { ready: !words.includes('unready') },
    ...(hostname !== undefined && { hostname }),
    ...(pod !== undefined && { targetRef: { kind: 'Pod', name: pod } }),
  };
}

function portOf(text: string): ServicePort {
  const [, name, port = '', protocol] = /^(?:(\S+) )?([0-9]+)\/(TCP|UDP|SCTP)$/.exec(text) ?? [];
  return {
    ...(name !== undefined && { name }),
    port: Number(port),
    protocol: protocol as 'TCP' | 'UDP' | 'SCTP',
  };
}

/** A synced zone in cluster east with these services. */
export function zoneOf(
  services: Readonly<Record<string, ServiceText>>,
  options: Omit<ZoneOptions, 'ownCluster'> & { readonly own?: string } = {},
): Zone {
  const { own = 'east', ...rest } = options;
  const zone = new Zone({ ...rest, ownCluster: parseClusterId(own) });
  const { imports, slices } = objectsOf(services);
  zone.replaceImports(imports);
  zone.replaceSlices(slices);
  return zone;
}

/** @param question `TYPE NAME`, as in `A web.shop.svc.clusterset.local`; types are RFC 3597's TYPEn too */
export function answerOf(zone: Zone, question: string, asker: Partial<Asker> = {}): Answer {
  const [type = '', name = ''] = question.split(' ');
  const labels = parseDomainName(name);
  return zone.answer({ labels, type: typeNumber(type) }, { turn: 0, ...asker });
}

const typeNumber = (type: string): number =>
  type.startsWith('TYPE') ? Number(type.slice(4)) : RRType[type as keyof typeof RRType];

/** The answer as lines: its records, those of the additional section after `+`, or its status and EDE. */
export function ask(zone: Zone, question: string, asker: Partial<Asker> = {}): string[] {
  return linesOf(answerOf(zone, question, asker));
}

export function linesOf(answer: Answer): string[] {
  const ede = answer.ede === undefined ? [] : [`EDE ${answer.ede.code}: ${answer.ede.text}`];
  switch (answer.kind) {
    case 'records':
      return [
        ...answer.answer.map(lineOf),
        ...answer.additional.map((extra) => `+ ${lineOf(extra)}`),
        ...ede,
      ];
    case 'nodata':
      return [`NODATA ${answer.soa.name}`, ...ede];
    case 'nxdomain':
      return [`NXDOMAIN ${answer.soa.name}`, ...ede];
    case 'refused':
      return ['REFUSED', ...ede];
    case 'not-synced':
      return ['SERVFAIL', ...ede];
    default:
      return answer satisfies never;
  }
}

const lineOf = (record: ResourceRecord): string =>
  `${record.name} ${record.ttl} IN ${record.type} ${dataOf(record)}`;

function dataOf(record: ResourceRecord): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.address;
    case 'NS':
    case 'PTR':
      return record.target;
    case 'TXT':
      return `"${record.text}"`;
    case 'HINFO':
      return `"${record.cpu}" "${record.os}"`;
    case 'SRV':
      return `${record.priority} ${record.weight} ${record.port} ${record.target}`;
    case 'SOA': {
      const { primary, mailbox, serial, refresh, retry, expire, minimum } = record;
      return [primary, mailbox, serial, refresh, retry, expire, minimum].join(' ');
    }
    default:
      return record satisfies never;
  }
}
