/** Which clusters count for a question, and why the others do not: the zone's own standings. */
import type { IpFamily } from '../api/objects.ts';
import { chosenOf, isVirtual } from '../zone/answer-clustersetip.ts';
import { FAMILIES } from '../zone/family.ts';
import { RRType, type Asker } from '../zone/records.ts';
import type { ClusterSetIpMember, HeadlessMember, Member, ServiceView } from '../zone/service.ts';
import type { CandidateReason } from './cause.ts';
import type { Candidate, Choice } from './explanation.ts';
import type { Exporters } from './exporters.ts';
import type { World } from './world.ts';

/** What of a service is asked for. */
export interface AskedPart {
  readonly service: ServiceView;
  /** The one cluster that the name is about; undefined = the service as a whole. */
  readonly cluster: string | undefined;
  readonly type: number;
  readonly asker: Asker;
}

/** The families that a question is about: SRV brings the addresses of both. */
const familiesOf = (type: number): readonly IpFamily[] =>
  type === RRType.A ? ['IPv4'] : type === RRType.AAAA ? ['IPv6'] : FAMILIES;

export function candidatesOf(part: AskedPart, { standingSince }: Pick<World, 'standingSince'>): Candidate[] {
  const families = familiesOf(part.type);
  const chosen = chosenClusters(part);
  const members: readonly (ClusterSetIpMember | HeadlessMember)[] = part.service.members;
  return members.map((member) => {
    const addresses = addressesOf(member, families);
    const { reason, text } = standingOf(member, addresses);
    const known = standingSince.get(member.id);
    const since = reason === known?.is && reason !== 'counted' ? known.at : undefined;
    const counts = reason === 'counted' && (part.cluster === undefined || part.cluster === member.id);
    return {
      cluster: member.id,
      own: member.own,
      counts,
      reason,
      text: since === undefined ? text : `${text}, since ${since}`,
      ...(since !== undefined && { since }),
      weight: member.weight,
      addresses,
      chosen: counts && chosen(member.id),
    };
  });
}

/** The clusters that the zone knows, and those whose export has not come so far. */
export function withExporters(
  inZone: readonly Candidate[],
  exporters: Exporters | undefined,
  { cluster: here, background }: Pick<World, 'cluster' | 'background'>,
): Candidate[] {
  const known = new Map(inZone.map((candidate) => [candidate.cluster, candidate]));
  for (const { cluster, hindrance, astray, exported } of exporters?.all ?? []) {
    const candidate = known.get(cluster);
    const when = exported !== undefined && { exported };
    if (candidate !== undefined) {
      known.set(cluster, { ...candidate, ...(astray !== undefined && leftOut(candidate, astray)), ...when });
      continue;
    }
    const missing =
      background?.here.hasNamespace === false
        ? `${here} lacks the namespace, and so imports nothing of it`
        : `its export is on the broker, and ${here} has not imported it yet`;
    known.set(cluster, {
      cluster,
      own: cluster === here,
      counts: false,
      ...(hindrance ?? { reason: 'not-imported', text: missing }),
      ...when,
      addresses: [],
      chosen: false,
    });
  }
  return [...known.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

/** What the agent left out of a cluster's endpoints may be why it has none that is ready. */
const leftOut = ({ reason, text }: Candidate, astray: string): Partial<Pick<Candidate, 'reason' | 'text'>> =>
  reason === 'not-ready'
    ? { reason: 'own-address', text: `${text} that is let in: ${astray}` }
    : { text: `${text}, without some endpoints: ${astray}` };

/** How one of several clusters is chosen; undefined where the question leaves none to choose. */
export function choiceOf({ service, cluster, type, asker }: AskedPart): Choice | undefined {
  if (service.type === 'Headless' || cluster !== undefined || isVirtual(service)) return undefined;
  const turns = familiesOf(type).flatMap((family) => {
    const { candidates } = service.choice[family];
    if (candidates.length === 0) return [];
    const { clusters, period } = chosenOf(service, family, asker);
    return [[family, { among: idsOf(candidates), chosen: idsOf(clusters), period }] as const];
  });
  return {
    policy: service.choice.IPv4.policy,
    affinity: service.clientAffinity,
    families: Object.fromEntries(turns),
  };
}

const idsOf = (members: readonly { readonly id: string }[]): string[] => members.map(({ id }) => id);

function chosenClusters(part: AskedPart): (cluster: string) => boolean {
  const { service, cluster } = part;
  // A clusterset IP is the answer whoever carries the traffic; a headless service answers with all that count.
  if (service.type === 'ClusterSetIP' && cluster === undefined && isVirtual(service)) return () => false;
  const choice = choiceOf(part);
  if (choice === undefined) return () => true;
  const chosen = new Set(Object.values(choice.families).flatMap((turn) => turn.chosen));
  return (id) => chosen.has(id);
}

const addressesOf = (
  member: ClusterSetIpMember | HeadlessMember,
  families: readonly IpFamily[],
): readonly string[] =>
  'addresses' in member
    ? families.flatMap((family) => member.addresses[family])
    : [
        ...new Set(
          member.endpoints.filter(({ family }) => families.includes(family)).map(({ address }) => address),
        ),
      ];

function standingOf(
  { standing }: Member,
  addresses: readonly string[],
): { readonly reason: CandidateReason; readonly text: string } {
  switch (standing.is) {
    case 'counted':
      return addresses.length > 0
        ? { reason: 'counted', text: 'it counts' }
        : {
            reason: 'other-family',
            text: 'it has no ready endpoint with an address of the type that is asked for',
          };
    case 'not-ready':
      return { reason: 'not-ready', text: 'it has no ready endpoint' };
    case 'drained':
      return { reason: 'drained', text: standing.why ?? 'it is drained: its weight is 0' };
    case 'unreachable':
      return { reason: 'unreachable', text: `it is unreachable: ${standing.why}` };
    default:
      return standing satisfies never;
  }
}
