import type { IpFamily } from '../api/objects.ts';
import { whyNone } from './absence.ts';
import { choose, type Chosen } from './choice.ts';
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
import { RRType, type Asker } from './records.ts';
import type { ClusterSetIpMember, ClusterSetIpService } from './service.ts';
import { srvRecords } from './srv.ts';

/** A ClusterSetIP service, or one cluster's part of it, under the name that its addresses have. */
export interface ClusterSetIpPart {
  readonly service: ClusterSetIpService;
  readonly member?: ClusterSetIpMember;
  readonly name: string;
}

/** `<svc>.<ns>.svc.Z` and `<cluster>.<svc>.<ns>.svc.Z` */
export function atClusterSetIp(query: Query, part: ClusterSetIpPart): Found {
  if (query.type === RRType.SRV) return srv(query, part, part.name, part.service.ports);
  const family = familyOf(query.type);
  if (family === undefined) return typeNotHeld(part.name);
  const { addresses, ...found } = addressesNow(query, part, family);
  if (addresses.length === 0) return noAddress(part, family);
  const answer = addressRecords(part.name, query.zone.ttl, family, addresses);
  return { is: 'records', ...found, answer, additional: [] };
}

/** `_port._proto.` before either */
export function atClusterSetIpPort(
  query: Query,
  part: ClusterSetIpPart,
  asked: { readonly port: string; readonly protocol: string },
): Found {
  const ports = part.service.ports.filter(
    ({ name, protocol }) => name === asked.port && protocol === asked.protocol,
  );
  const owner = `_${asked.port}._${asked.protocol}.${part.name}`;
  if (ports.length === 0) return noSuchPort(part, `${asked.port}/${asked.protocol}`);
  return query.type === RRType.SRV ? srv(query, part, owner, ports) : typeNotHeld(owner);
}

/** `_proto.` before either */
export const atClusterSetIpProtocol = (part: ClusterSetIpPart, protocol: string): Found =>
  part.service.ports.some((port) => port.protocol === protocol)
    ? onlyChildren(`_${protocol}.${part.name}`)
    : noSuchPort(part, protocol);

const noSuchPort = ({ name }: ClusterSetIpPart, what: string): Found =>
  nothing(ReasonCode.noSuchPort, `${name} has no named port ${what}`);

interface AddressesNow {
  readonly addresses: readonly string[];
  readonly reason: ReasonCode;
  readonly detail: string;
  readonly period: number;
  readonly perClient: boolean;
}

function addressesNow(
  { asker }: Query,
  { service, member, name }: ClusterSetIpPart,
  family: IpFamily,
): AddressesNow {
  if (member !== undefined) {
    const detail = `${name} is the part of cluster ${member.id}`;
    const addresses = member.standing.is === 'counted' ? member.addresses[family] : [];
    return { addresses, reason: ReasonCode.oneCluster, detail, period: 1, perClient: false };
  }
  if (isVirtual(service)) {
    const detail = `${name} has a clusterset IP`;
    const addresses = service.clustersetIps[family];
    return { addresses, reason: ReasonCode.clustersetIp, detail, period: 1, perClient: false };
  }
  const choice = service.choice[family];
  const { clusters, period, perClient } = chosenOf(service, family, asker);
  const all = choice.policy === 'all';
  const chosen = clusters.map(({ id }) => id).join(', ');
  const among = choice.candidates.map(({ id }) => id).join(', ');
  const drained = service.members.flatMap(({ id, standing }) =>
    standing.is === 'drained' ? [`; not ${id}: ${standing.why ?? 'drained, its weight is 0'}`] : [],
  );
  return {
    addresses: [...new Set(clusters.flatMap(({ addresses }) => addresses[family]))],
    reason: all ? ReasonCode.allClusters : ReasonCode.clusterChosen,
    detail: `${name}: ${chosen}, chosen from ${among} by policy ${choice.policy}${perClient ? ' and client' : ''}${drained.join('')}`,
    period,
    perClient,
  };
}

/** Direct mode: the clusters whose addresses this asker gets. */
export function chosenOf(
  service: ClusterSetIpService,
  family: IpFamily,
  asker: Asker,
): Chosen<ClusterSetIpMember> {
  const salt = service.clientAffinity ? `${service.namespace}/${service.name}` : undefined;
  return choose(service.choice[family], salt, asker);
}

export const isVirtual = ({ clustersetIps }: ClusterSetIpService): boolean =>
  FAMILIES.some((family) => clustersetIps[family].length > 0);

/** One record per port; its target, whatever cluster was chosen, is the name that has the address. */
function srv(query: Query, part: ClusterSetIpPart, owner: string, ports: readonly NamedPort[]): Found {
  if (ports.length === 0) return typeNotHeld(owner);
  // The families may have different clusters to choose from. The longer of their sequences is the period,
  // the other begins anew with it.
  const { choice } = part.service;
  const period = Math.max(choice.IPv4.sequence.length, choice.IPv6.sequence.length, 1);
  const within = { ...query, asker: { ...query.asker, turn: query.asker.turn % period } };
  const [v4, v6] = [addressesNow(within, part, 'IPv4'), addressesNow(within, part, 'IPv6')];
  const main = v4.addresses.length > 0 ? v4 : v6;
  if (main.addresses.length === 0) return { is: 'no-records', ...whyNone(part.name, membersOf(part)) };
  const { ttl } = query.zone;
  const numbers = new Set(ports.map(({ port }) => port));
  const targets = [...numbers].map((port) => ({ target: part.name, port, weight: 1 }));
  return {
    is: 'records',
    reason: main.reason,
    detail: main.detail,
    answer: srvRecords(owner, ttl, targets),
    additional: [
      ...addressRecords(part.name, ttl, 'IPv4', v4.addresses),
      ...addressRecords(part.name, ttl, 'IPv6', v6.addresses),
    ],
    period: Math.max(v4.period, v6.period),
    perClient: v4.perClient || v6.perClient,
  };
}

/** Whether the family is missing by nature, or because those that have it do not count now. */
function noAddress(part: ClusterSetIpPart, family: IpFamily): Found {
  const members = membersOf(part);
  const holders = members.filter(({ holds }) => holds[family]);
  const byNature =
    isVirtualWhole(part) || (holders.length === 0 && members.some(({ holds }) => holds.IPv4 || holds.IPv6));
  if (byNature) return typeNotHeld(part.name);
  return { is: 'no-records', ...whyNone(part.name, holders.length > 0 ? holders : members) };
}

const isVirtualWhole = ({ service, member }: ClusterSetIpPart): boolean =>
  member === undefined && isVirtual(service);

const membersOf = ({ service, member }: ClusterSetIpPart): readonly ClusterSetIpMember[] =>
  member === undefined ? service.members : [member];
