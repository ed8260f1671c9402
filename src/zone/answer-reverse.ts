import { FAMILIES } from './family.ts';
import { atApex } from './answer-apex.ts';
import { constant, nothing, onlyChildren, typeNotHeld, type Found, type Query } from './found.ts';
import { ReasonCode } from './reasons.ts';
import { RRType, type Dependency } from './records.ts';
import { addressOf, reverseText, reverseZoneOf, type ReverseName } from './reverse-name.ts';
import type { ServiceView } from './service.ts';

/** What is at a reverse name, which zone says so, and what it was derived from. */
interface AtReverse {
  readonly found: Found;
  readonly apex: string;
  readonly dependsOn: Dependency;
}

/**
 * What is at a reverse name; undefined where no zone of ours is responsible. An address outside all
 * reverse zones that has an owner here is a zone of its own: the clusters' pod networks are not ours to
 * deny names in.
 */
export function atReverse(query: Query, name: ReverseName): AtReverse | undefined {
  const { zone, type } = query;
  const owner = reverseText(name.family, name.digits);
  const within = reverseZoneOf(name, zone.reverseZones);
  if (within?.isApex === true && type !== RRType.PTR) {
    return { found: atApex(query, within.apex), apex: within.apex, dependsOn: 'apex' };
  }
  const address = addressOf(name);
  const targets = address === undefined ? [] : targetsOf(query, address);
  if (targets.length === 0 && within === undefined) return undefined;
  const at = { apex: within?.apex ?? owner, dependsOn: 'reverse' } as const;
  if (targets.length > 0) {
    if (type !== RRType.PTR) return { ...at, found: typeNotHeld(owner) };
    const answer = targets.map((target) => ({ name: owner, ttl: zone.ttl, type: 'PTR' as const, target }));
    return { ...at, found: constant(ReasonCode.reverse, `${owner} has an owner`, answer) };
  }
  if (within?.isApex === true) return { ...at, found: typeNotHeld(owner) };
  if (address === undefined && !name.below) {
    // Also where no address below has an owner now: harmless, and resolvers that minimise names
    // (RFC 9156) must never take such a name for the end of the tree (RFC 8020).
    return { ...at, found: onlyChildren(owner) };
  }
  return { ...at, found: nothing(ReasonCode.noSuchName, `${owner}: no clusterset IP or remote endpoint`) };
}

/** The names that the address belongs to, under the first origin. */
function targetsOf({ zone, origin }: Query, address: string): readonly string[] {
  const targets = new Set<string>();
  for (const service of zone.ownersOf(address)) {
    const base = `${service.name}.${service.namespace}.svc.${origin.name}`;
    for (const label of reverseLabels(service, address))
      targets.add(label === '' ? base : `${label}.${base}`);
  }
  return [...targets];
}

/** The labels before the service's name that lead to the address; '' = the service's name itself. */
function reverseLabels(service: ServiceView, address: string): readonly string[] {
  switch (service.type) {
    case 'ClusterSetIP':
      return FAMILIES.some((family) => service.clustersetIps[family].includes(address)) ? [''] : [];
    case 'Headless':
      return service.members.flatMap((member) =>
        member.own
          ? []
          : member.endpoints
              .filter((endpoint) => endpoint.address === address)
              .map(({ label }) => `${label}.${member.id}`),
      );
    default:
      return service satisfies never;
  }
}

/** The addresses that a service owns in reverse zones; the own cluster's endpoints are its own DNS's. */
export function reverseAddresses(service: ServiceView): readonly string[] {
  switch (service.type) {
    case 'ClusterSetIP':
      return FAMILIES.flatMap((family) => service.clustersetIps[family]);
    case 'Headless':
      return service.members.flatMap(({ own, endpoints }) =>
        own ? [] : endpoints.map(({ address }) => address),
      );
    default:
      return service satisfies never;
  }
}
