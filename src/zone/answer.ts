import { EdeCode } from './absence.ts';
import { atApex, atDnsVersion, atNameServer } from './answer-apex.ts';
import { atClusterSetIp, atClusterSetIpPort, atClusterSetIpProtocol } from './answer-clustersetip.ts';
import { atEndpoint, atHeadless, atHeadlessPort, atHeadlessProtocol, noEndpoint } from './answer-headless.ts';
import { atReverse } from './answer-reverse.ts';
import {
  constant,
  nothing,
  onlyChildren,
  type Found,
  type Query,
  type RecordsFound,
  type ZoneData,
} from './found.ts';
import { formatDomainName, originOf, parseZoneName, type ZoneName } from './name.ts';
import { ReasonCode } from './reasons.ts';
import {
  RRType,
  type Answer,
  type Asker,
  type Dependency,
  type ExtendedError,
  type Question,
} from './records.ts';
import { parseReverseName } from './reverse-name.ts';
import type { ClusterSetIpService, HeadlessService, Member, ServiceView } from './service.ts';
import { soaRecord } from './soa.ts';

/**
 * What a name and type mean now, and why. Pure: the same zone, question and asker give the same answer;
 * it never throws, whatever is asked.
 */
export function answer(zone: ZoneData, question: Question, asker: Asker): Answer {
  const origin = originOf(question.labels, zone.origins);
  const first = zone.origins[0];
  const reverse = origin === undefined ? parseReverseName(question.labels) : undefined;
  if (first === undefined || (origin === undefined && reverse === undefined)) return refused(question);
  if (!zone.synced) return NOT_SYNCED;
  const { type } = question;
  if (origin === undefined) {
    const at = reverse && atReverse({ zone, origin: first, type, asker }, reverse);
    if (at === undefined) return refused(question);
    return finish({ zone, origin: first, type, asker }, question, at.found, at.dependsOn, at.apex);
  }
  const query: Query = { zone, origin, type, asker };
  const name = parseZoneName(question.labels.slice(0, -origin.labels.length));
  return finish(query, question, find(query, name), dependencyOf(name), origin.name);
}

function find(query: Query, name: ZoneName): Found {
  const { zone, origin } = query;
  switch (name.kind) {
    case 'apex':
      return atApex(query, origin.name);
    case 'dns-version':
      return atDnsVersion(query);
    case 'name-server':
      return atNameServer(query);
    case 'dns':
      return onlyChildren(`dns.${origin.name}`);
    case 'svc':
      return onlyChildren(`svc.${origin.name}`);
    case 'namespace':
      return zone.hasNamespace(name.namespace)
        ? onlyChildren(`${name.namespace}.svc.${origin.name}`)
        : nothing(ReasonCode.noSuchNamespace, 'no service is imported in this namespace');
    case 'service':
    case 'cluster':
    case 'endpoint':
    case 'protocol':
    case 'port': {
      const service = zone.service(name.namespace, name.service);
      if (service !== undefined) return findInService(query, name, service);
      return zone.hasNamespace(name.namespace)
        ? nothing(ReasonCode.noSuchService, 'no service of this name is imported in this namespace')
        : nothing(ReasonCode.noSuchNamespace, 'no service is imported in this namespace');
    }
    case 'other':
      return nothing(ReasonCode.noSuchName, 'names of this form do not exist');
    default:
      return name satisfies never;
  }
}

type InService = Extract<ZoneName, { kind: 'service' | 'cluster' | 'endpoint' | 'protocol' | 'port' }>;

function findInService(query: Query, name: InService, service: ServiceView): Found {
  const base = `${service.name}.${service.namespace}.svc.${query.origin.name}`;
  switch (service.type) {
    case 'ClusterSetIP':
      return findInClusterSetIp(query, name, service, base);
    case 'Headless':
      return findInHeadless(query, name, service, base);
    default:
      return service satisfies never;
  }
}

function findInClusterSetIp(
  query: Query,
  name: InService,
  service: ClusterSetIpService,
  base: string,
): Found {
  const member = memberOf(service.members, name);
  // The specification gives single clusters of a ClusterSetIP service no name.
  if (member === 'none' || (member !== undefined && query.zone.strictNames)) return noSuchCluster(base);
  const part =
    member === undefined ? { service, name: base } : { service, member, name: `${member.id}.${base}` };
  switch (name.kind) {
    case 'service':
    case 'cluster':
      return atClusterSetIp(query, part);
    case 'port':
      return atClusterSetIpPort(query, part, name);
    case 'protocol':
      return atClusterSetIpProtocol(part, name.protocol);
    case 'endpoint':
      return nothing(ReasonCode.noSuchEndpoint, `${base} is not headless: its endpoints have no names`);
    default:
      return name satisfies never;
  }
}

function findInHeadless(query: Query, name: InService, service: HeadlessService, base: string): Found {
  const member = memberOf(service.members, name);
  if (member === 'none') return noSuchCluster(base);
  const part =
    member === undefined ? { service, name: base } : { service, member, name: `${member.id}.${base}` };
  // The specification has names below a cluster's, so that its name exists, but no records at it.
  const strict = member !== undefined && query.zone.strictNames;
  switch (name.kind) {
    case 'service':
      return atHeadless(query, part);
    case 'cluster':
      return strict ? (noEndpoint(part) ?? onlyChildren(part.name)) : atHeadless(query, part);
    case 'endpoint':
      return member === undefined
        ? noSuchCluster(base)
        : atEndpoint(query, { ...part, member }, name.endpoint);
    case 'port':
      return strict ? noSuchCluster(base) : atHeadlessPort(query, part, name);
    case 'protocol':
      return strict ? noSuchCluster(base) : atHeadlessProtocol(part, name.protocol);
    default:
      return name satisfies never;
  }
}

/** The member that the name is about: undefined = the whole service, none = a cluster that is no member. */
function memberOf<M extends Member>(members: readonly M[], name: InService): M | 'none' | undefined {
  if (!('cluster' in name)) return undefined;
  return members.find(({ id }) => id === name.cluster) ?? 'none';
}

const noSuchCluster = (base: string): Found =>
  nothing(ReasonCode.noSuchCluster, `${base} has no names for this cluster`);

/** Names that no service can make exist depend on the zone's own settings alone. */
function dependencyOf(name: ZoneName): Dependency {
  switch (name.kind) {
    case 'apex':
    case 'dns-version':
    case 'dns':
    case 'name-server':
    case 'svc':
      return 'apex';
    case 'namespace':
      return `namespace:${name.namespace}`;
    case 'other':
      return name.service === undefined
        ? 'apex'
        : serviceDependency(name.service.namespace, name.service.service);
    case 'service':
    case 'cluster':
    case 'endpoint':
    case 'protocol':
    case 'port':
      return serviceDependency(name.namespace, name.service);
    default:
      return name satisfies never;
  }
}

const serviceDependency = (namespace: string, service: string): Dependency =>
  `service:${namespace}/${service}`;

/** Makes an answer of what was found: SOA where it is negative, HINFO for ANY, EDE where data is stale. */
function finish(query: Query, question: Question, found: Found, dependsOn: Dependency, apex: string): Answer {
  const { zone, origin, type } = query;
  if (type === RRType.ANY && (found.is === 'records' || found.is === 'no-records')) {
    // RFC 8482, 4.2: a minimal answer that says "ask for the type you mean".
    const hinfo = {
      name: formatDomainName(question.labels),
      ttl: zone.ttl,
      type: 'HINFO',
      cpu: 'RFC8482',
      os: '',
    } as const;
    return finishRecords(
      zone,
      constant(ReasonCode.anyRefused, 'ANY is answered minimally', [hinfo]),
      dependsOn,
    );
  }
  if (found.is === 'records') return finishRecords(zone, found, dependsOn);
  return {
    kind: found.is === 'nothing' ? 'nxdomain' : 'nodata',
    reason: found.reason,
    detail: found.detail,
    dependsOn,
    soa: soaRecord(apex, origin.name, zone.serial, zone.ttl),
    ...staleness(zone, found.ede),
  };
}

function finishRecords(zone: ZoneData, found: RecordsFound, dependsOn: Dependency): Answer {
  const { reason, detail, answer, additional, period, perClient } = found;
  return {
    kind: 'records',
    reason,
    detail,
    dependsOn,
    answer,
    additional,
    period,
    perClient,
    ...staleness(zone),
  };
}

/** An answer from stale data says so; one that has an error of its own says both in that. */
function staleness(zone: ZoneData, own?: ExtendedError): { readonly ede?: ExtendedError } {
  if (zone.staleSince === undefined) return own === undefined ? {} : { ede: own };
  const stale = `no contact with the API server since ${zone.staleSince}`;
  if (own === undefined) return { ede: { code: EdeCode.stale, text: stale } };
  return { ede: { code: own.code, text: `${own.text}; ${stale}` } };
}

const refused = (question: Question): Answer => ({
  kind: 'refused',
  reason: ReasonCode.outsideZone,
  detail: `${formatDomainName(question.labels)} is in no zone that is served here`,
  dependsOn: 'apex',
  ede: { code: EdeCode.notAuthoritative, text: 'the name is in no zone that is served here' },
});

const NOT_SYNCED: Answer = {
  kind: 'not-synced',
  reason: ReasonCode.notSynced,
  detail: 'the first full list of imports and endpoints is not in yet',
  dependsOn: 'apex',
  ede: { code: EdeCode.notReady, text: 'the first full list of imports and endpoints is not in yet' },
};
