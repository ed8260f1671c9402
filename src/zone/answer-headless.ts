import type { IpFamily } from '../api/objects.ts';
import { whyNone } from './absence.ts';
import { dashedAddress, undashedAddress } from './dashed.ts';
import { FAMILIES } from './family.ts';
import {
  addressRecords,
  familyOf,
  nothing,
  onlyChildren,
  typeNotHeld,
  type Found,
  type Query,
} from './found.ts';
import type { NamedPort } from './ports.ts';
import { ReasonCode } from './reasons.ts';
import { RRType, type ResourceRecord } from './records.ts';
import { rotate, rotationPeriod } from './rotation.ts';
import type { HeadlessMember, HeadlessService } from './service.ts';
import type { EndpointModel } from './slice-model.ts';
import { srvRecords, type SrvTarget } from './srv.ts';

/** A headless service, or one cluster's part of it, under its name. */
export interface HeadlessPart {
  readonly service: HeadlessService;
  readonly member?: HeadlessMember;
  readonly name: string;
}

/** `<svc>.<ns>.svc.Z` and `<cluster>.<svc>.<ns>.svc.Z` */
export function atHeadless(query: Query, part: HeadlessPart): Found {
  const missing = noEndpoint(part);
  if (missing !== undefined) return missing;
  if (query.type === RRType.SRV) return srv(query, part, part.name, () => true);
  const family = familyOf(query.type);
  if (family === undefined) return typeNotHeld(part.name);
  const groups = addressGroups(part, family);
  const sizes = groups.map(({ length }) => length);
  if (sizes.every((size) => size === 0)) return noAddress(part, family);
  const period = rotationPeriod(sizes);
  const addresses = groups.flatMap((group) => rotate(group, query.asker.turn, period));
  return {
    is: 'records',
    reason: part.member === undefined ? ReasonCode.endpoints : ReasonCode.oneCluster,
    detail: `${part.name}: ${addresses.length} ready endpoints`,
    answer: addressRecords(part.name, query.zone.ttl, family, addresses),
    additional: [],
    period,
    perClient: false,
  };
}

/** `_port._proto.` before either */
export function atHeadlessPort(
  query: Query,
  part: HeadlessPart,
  asked: { readonly port: string; readonly protocol: string },
): Found {
  const missing = noEndpoint(part);
  if (missing !== undefined) return missing;
  const isAsked = ({ name, protocol }: NamedPort): boolean =>
    name === asked.port && protocol === asked.protocol;
  const owner = `_${asked.port}._${asked.protocol}.${part.name}`;
  if (!hasPort(part, isAsked)) return noSuchPort(part, `${asked.port}/${asked.protocol}`);
  return query.type === RRType.SRV ? srv(query, part, owner, isAsked) : typeNotHeld(owner);
}

/** `_proto.` before either */
export function atHeadlessProtocol(part: HeadlessPart, protocol: string): Found {
  const missing = noEndpoint(part);
  if (missing !== undefined) return missing;
  return hasPort(part, (port) => port.protocol === protocol)
    ? onlyChildren(`_${protocol}.${part.name}`)
    : noSuchPort(part, protocol);
}

/**
 * `<hostname>.<cluster>.<svc>.<ns>.svc.Z`
 *
 * @param owner the name as asked: an endpoint may be called by hostname, dashed address or pod
 */
export function atEndpoint(
  query: Query,
  part: HeadlessPart & { member: HeadlessMember },
  label: string,
): Found {
  const { member, name } = part;
  const owner = `${label}.${name}`;
  const endpoints = endpointsAt(member, label);
  if (endpoints.length === 0) {
    return nothing(ReasonCode.noSuchEndpoint, `${name} has no ready endpoint of this name`);
  }
  const family = familyOf(query.type);
  const addresses = distinctAddresses(endpoints.filter((endpoint) => endpoint.family === family));
  if (family === undefined || addresses.length === 0) return typeNotHeld(owner);
  if (member.standing.is !== 'counted') return { is: 'no-records', ...whyNone(owner, [member]) };
  return {
    is: 'records',
    reason: ReasonCode.endpoint,
    detail: `${owner} is an endpoint of cluster ${member.id}`,
    answer: addressRecords(owner, query.zone.ttl, family, addresses),
    additional: [],
    period: 1,
    perClient: false,
  };
}

function endpointsAt(member: HeadlessMember, label: string): readonly EndpointModel[] {
  const named = member.named(label);
  const address = named.length > 0 ? undefined : undashedAddress(label);
  if (address === undefined) return named;
  return member.named(dashedAddress(address)).filter((endpoint) => endpoint.address === address);
}

const membersOf = ({ service, member }: HeadlessPart): readonly HeadlessMember[] =>
  member === undefined ? service.members : [member];

/** MCS DNS specification: without a ready endpoint a headless service's names do not exist. */
export function noEndpoint(part: HeadlessPart): Found | undefined {
  const members = membersOf(part);
  if (members.some(({ endpoints }) => endpoints.length > 0)) return undefined;
  const { reason, detail, ede } = whyNone(part.name, members);
  return nothing(reason, detail, ede);
}

function noAddress(part: HeadlessPart, family: IpFamily): Found {
  const holders = membersOf(part).filter(({ endpoints }) =>
    endpoints.some((endpoint) => endpoint.family === family),
  );
  if (holders.length === 0) return typeNotHeld(part.name);
  return { is: 'no-records', ...whyNone(part.name, holders) };
}

const noSuchPort = ({ name }: HeadlessPart, what: string): Found =>
  nothing(ReasonCode.noSuchPort, `${name} has no ready endpoint with a named port ${what}`);

const hasPort = (part: HeadlessPart, isAsked: (port: NamedPort) => boolean): boolean =>
  membersOf(part).some(({ endpoints }) => endpoints.some(({ ports }) => ports.some(isAsked)));

/** Own cluster first; each group rotates within itself. */
function addressGroups({ service, member }: HeadlessPart, family: IpFamily): readonly (readonly string[])[] {
  if (member === undefined) return service.groups[family];
  if (member.standing.is !== 'counted') return [];
  return [distinctAddresses(member.endpoints.filter((endpoint) => endpoint.family === family))];
}

const distinctAddresses = (endpoints: readonly EndpointModel[]): readonly string[] => [
  ...new Set(endpoints.map(({ address }) => address)),
];

function srv(query: Query, part: HeadlessPart, owner: string, isAsked: (port: NamedPort) => boolean): Found {
  if (!hasPort(part, isAsked)) return typeNotHeld(owner);
  const counted = membersOf(part).filter(({ standing }) => standing.is === 'counted');
  const { ttl } = query.zone;
  const additional: ResourceRecord[] = [];
  const targetsOf = (own: boolean): readonly SrvTarget[] => {
    const targets: SrvTarget[] = [];
    // target → the ports it is in with: a target that comes again, with another address, is the same record
    const known = new Map<string, number[]>();
    for (const member of counted) {
      if (member.own !== own) continue;
      const cluster = part.member === undefined ? `${member.id}.${part.name}` : part.name;
      for (const { label, ports } of member.endpoints) {
        for (const port of ports) {
          if (!isAsked(port)) continue;
          const target = `${label}.${cluster}`;
          const numbers = known.get(target);
          if (numbers?.includes(port.port)) continue;
          if (numbers === undefined) {
            known.set(target, [port.port]);
            additional.push(...targetRecords(target, ttl, member.named(label)));
          } else numbers.push(port.port);
          targets.push({ target, port: port.port, weight: member.weight });
        }
      }
    }
    return targets;
  };
  const groups = [targetsOf(true), targetsOf(false)];
  const period = rotationPeriod(groups.map(({ length }) => length));
  const targets = groups.flatMap((group) => rotate(group, query.asker.turn, period));
  if (targets.length === 0) return { is: 'no-records', ...whyNone(part.name, membersOf(part)) };
  return {
    is: 'records',
    reason: part.member === undefined ? ReasonCode.endpoints : ReasonCode.oneCluster,
    detail: `${owner}: ${targets.length} ready endpoints`,
    answer: srvRecords(owner, ttl, targets),
    additional,
    period,
    perClient: false,
  };
}

/** A target mostly has one address, one of each family at most: no sets are made for that. */
function targetRecords(
  target: string,
  ttl: number,
  endpoints: readonly EndpointModel[],
): readonly ResourceRecord[] {
  const [only] = endpoints;
  if (endpoints.length === 1 && only !== undefined) {
    return addressRecords(target, ttl, only.family, [only.address]);
  }
  return FAMILIES.flatMap((family) =>
    addressRecords(target, ttl, family, distinctAddresses(endpoints.filter((one) => one.family === family))),
  );
}
