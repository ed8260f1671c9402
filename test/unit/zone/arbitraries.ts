/**
 * Random zones of a small world, where services, clusters and addresses meet and collide often, and every
 * question that the world can be asked.
 */
import * as fc from 'fast-check';
import { canonicalIp } from '../../../src/api/ip.ts';
import { Annotation, Label } from '../../../src/api/names.ts';
import type { EndpointSlice, ServiceImport, ServicePort } from '../../../src/api/objects.ts';
import { RRType, type Answer, type Question } from '../../../src/zone/records.ts';
import type { Reach, Reachability } from '../../../src/zone/reachability.ts';
import type { Zone } from '../../../src/zone/zone.ts';

/** Most objects are of one service, so that they meet. */
const KEYS = ['shop/web', 'shop/web', 'shop/web', 'shop/web', 'shop/db', 'data/db'];
const CLUSTERS = ['east', 'north', 'west'];
const ADDRESSES = {
  IPv4: ['10.0.0.1', '10.0.0.2', '243.0.0.1'],
  IPv6: ['fd00::1', '::2', 'fd43::'],
} as const;
const EVERY_ADDRESS = [...ADDRESSES.IPv4, ...ADDRESSES.IPv6];
const LABELS = ['h0', 'pod-0', '10-0-0-1', 'fd00--1', '0--2'];

const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values]);
/** Mostly the usual value, so that two objects of one name often differ in one thing alone. */
const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

const key = fc.constantFrom(...KEYS).map((key) => {
  const [namespace = '', service = ''] = key.split('/');
  return { namespace, service };
});
const cluster = fc.constantFrom(...CLUSTERS);

const HTTP = { name: 'http', port: 80, protocol: 'TCP' } as const;
const ports = mostly<ServicePort[]>(
  [HTTP],
  some<ServicePort>([
    HTTP,
    { name: 'alt', port: 80, protocol: 'TCP' },
    { name: 'http', port: 80, protocol: 'UDP' },
    { port: 8080 },
  ]),
);

const USUAL_EXPORTS = [
  { cluster: 'east', ips: ['10.0.0.1'], weight: 1 },
  { cluster: 'west', ips: ['10.0.0.2', 'fd00::1'], weight: 2 },
];

const exportsJson = fc
  .uniqueArray(fc.record({ cluster, ips: some(EVERY_ADDRESS), weight: fc.constantFrom(0, 1, 1, 2, 3) }), {
    selector: (item) => item.cluster,
  })
  .map((list) => JSON.stringify(list));

export const anImport = fc
  .record({
    key,
    type: fc.constantFrom('ClusterSetIP' as const, 'Headless' as const),
    ports,
    ips: mostly<string[]>([], some(EVERY_ADDRESS)),
    affinity: mostly('None', fc.constant('ClientIP' as const)),
    exports: mostly<string | undefined>(
      JSON.stringify(USUAL_EXPORTS),
      fc.option(exportsJson, { nil: undefined }),
    ),
    policy: mostly('weighted', fc.constantFrom(undefined, 'local', 'all')),
    early: mostly(false, fc.boolean()),
    listed: mostly<string[]>([], some(CLUSTERS)),
  })
  .map(({ key, type, ports, ips, affinity, exports, policy, early, listed }): ServiceImport => ({
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceImport',
    metadata: {
      namespace: key.namespace,
      name: key.service,
      annotations: {
        ...(exports !== undefined && { [Annotation.exports]: exports }),
        ...(policy !== undefined && { [Annotation.policy]: policy }),
        ...(early && { [Annotation.publishNotReady]: 'true' }),
      },
    },
    spec: { type, ports, ips, sessionAffinity: affinity },
    status: { clusters: listed.map((cluster) => ({ cluster })) },
  }));

export const aSlice: fc.Arbitrary<EndpointSlice> = fc
  .record({
    key,
    cluster,
    suffix: fc.constantFrom('a', 'b'),
    family: mostly<'IPv4' | 'IPv6'>('IPv4', fc.constant('IPv6')),
    ports,
  })
  .chain(({ key: { namespace, service }, cluster, suffix, family, ports }) =>
    fc
      .array(
        fc.record(
          {
            addresses: some(ADDRESSES[family]),
            conditions: fc.record({ ready: mostly(true, fc.boolean()) }),
            hostname: fc.constantFrom('h0', 'h0', 'pod-0'),
            targetRef: fc.constant({ kind: 'Pod', name: 'pod-0' }),
          },
          { requiredKeys: ['addresses'] },
        ),
        { maxLength: 3 },
      )
      .map((endpoints) => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          namespace,
          // Not the service's: the slice of one name may change hands.
          name: `${cluster}.${suffix}`,
          labels: { [Label.serviceName]: service, [Label.sourceCluster]: cluster },
        },
        addressType: family,
        endpoints,
        ports,
      })),
  );

const aReach: fc.Arbitrary<Reach> = fc.constantFrom(
  { reachable: true },
  { reachable: false, reason: 'no answer' },
  { reachable: false, reason: 'cut' },
);

export const aReachability: fc.Arbitrary<Reachability> = fc.oneof(
  fc.constant('all' as const),
  fc.uniqueArray(fc.tuple(cluster, aReach), { selector: ([id]) => id }).map((entries) => new Map(entries)),
);

/** One thing that may happen to a zone, and what it says of itself when a property fails. */
export type Event =
  | { readonly type: 'set import'; readonly object: ServiceImport }
  | { readonly type: 'remove import'; readonly object: ServiceImport }
  | { readonly type: 'set slice'; readonly object: EndpointSlice }
  | { readonly type: 'remove slice'; readonly object: EndpointSlice }
  | { readonly type: 'replace imports'; readonly objects: readonly ServiceImport[] }
  | { readonly type: 'replace slices'; readonly objects: readonly EndpointSlice[] }
  | { readonly type: 'reach'; readonly reachability: Reachability }
  | { readonly type: 'drain'; readonly drained: ReadonlyMap<string, string> }
  | { readonly type: 'stale'; readonly since: string | undefined };

export const anEvent: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: anImport.map((object): Event => ({ type: 'set import', object })) },
  { weight: 6, arbitrary: aSlice.map((object): Event => ({ type: 'set slice', object })) },
  { weight: 1, arbitrary: anImport.map((object): Event => ({ type: 'remove import', object })) },
  { weight: 1, arbitrary: aSlice.map((object): Event => ({ type: 'remove slice', object })) },
  {
    weight: 1,
    arbitrary: fc
      .array(anImport, { maxLength: 5 })
      .map((objects): Event => ({ type: 'replace imports', objects })),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(aSlice, { maxLength: 8 })
      .map((objects): Event => ({ type: 'replace slices', objects })),
  },
  { weight: 2, arbitrary: aReachability.map((reachability): Event => ({ type: 'reach', reachability })) },
  {
    weight: 2,
    arbitrary: fc
      .uniqueArray(fc.tuple(cluster, fc.constantFrom('by alice', 'by bob')), { selector: ([id]) => id })
      .map((entries): Event => ({ type: 'drain', drained: new Map(entries) })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(undefined, '2026-11-24T09:00:00Z')
      .map((since): Event => ({ type: 'stale', since })),
  },
);

export function happen(zone: Zone, event: Event): void {
  switch (event.type) {
    case 'set import':
      return zone.setImport(event.object);
    case 'remove import':
      return zone.removeImport(event.object);
    case 'set slice':
      return zone.setSlice(event.object);
    case 'remove slice':
      return zone.removeSlice(event.object);
    case 'replace imports':
      return zone.replaceImports(event.objects);
    case 'replace slices':
      return zone.replaceSlices(event.objects);
    case 'reach':
      return zone.setReachability(event.reachability);
    case 'drain':
      return zone.setDrained(event.drained);
    case 'stale':
      return zone.setStale(event.since);
    default:
      return event satisfies never;
  }
}

const ORIGIN = ['clusterset', 'local'];

/** Names below a service, and the service's own. */
const inService: readonly (readonly string[])[] = [
  [],
  ['_tcp'],
  ['_sctp'],
  ['_http', '_tcp'],
  ['_alt', '_tcp'],
  ['_http', '_udp'],
  ['_none', '_tcp'],
  ...[...CLUSTERS, 'nowhere'].flatMap((cluster) => [
    [cluster],
    ['_tcp', cluster],
    ['_http', '_tcp', cluster],
    ...LABELS.map((label) => [label, cluster]),
    ['x', 'h0', cluster],
  ]),
];

const FORWARD_NAMES: readonly (readonly string[])[] = [
  [],
  ['dns'],
  ['ns', 'dns'],
  ['dns-version'],
  ['svc'],
  ['www'],
  ['none', 'svc'],
  ['db', 'none', 'svc'],
  ['data', 'svc'],
  ['shop', 'svc'],
  ['none', 'shop', 'svc'],
  ...[...new Set(KEYS)].flatMap((key) =>
    inService.map((labels) => [...labels, ...key.split('/').reverse(), 'svc']),
  ),
].map((labels) => [...labels, ...ORIGIN]);

const REVERSE_NAMES: readonly (readonly string[])[] = [
  ...EVERY_ADDRESS.map(reverseLabels),
  ['243', 'in-addr', 'arpa'],
  ['0', '243', 'in-addr', 'arpa'],
  ['9', '0', '0', '243', 'in-addr', 'arpa'],
];

function reverseLabels(address: string): string[] {
  if (!address.includes(':')) return [...address.split('.').reverse(), 'in-addr', 'arpa'];
  const [head = '', tail = ''] = canonicalIp(address).split('::');
  const groups = (side: string): string[] =>
    side
      .split(':')
      .filter((group) => group !== '')
      .map((g) => g.padStart(4, '0'));
  const zeros = Array<string>(8 - groups(head).length - groups(tail).length).fill('0000');
  const digits = [...groups(head), ...zeros, ...groups(tail)].join('');
  return [...digits.split('').reverse(), 'ip6', 'arpa'];
}

export const NAMES = [...FORWARD_NAMES, ...REVERSE_NAMES, ['com']];

export const QUESTIONS: readonly Question[] = NAMES.flatMap((labels) =>
  [
    RRType.A,
    RRType.AAAA,
    RRType.SRV,
    labels.at(-1) === 'arpa' ? RRType.PTR : RRType.TXT,
    RRType.SOA,
    RRType.ANY,
  ].map((type) => ({ labels, type })),
);

/** What of an answer a client can see, apart from the serial in the SOA of a negative answer. */
export function visible(answer: Answer): unknown {
  const { reason: _reason, detail: _detail, dependsOn: _dependsOn, ...seen } = answer;
  return 'soa' in seen ? { ...seen, soa: { ...seen.soa, serial: 0 } } : seen;
}
