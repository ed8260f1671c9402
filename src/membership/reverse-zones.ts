/** Which reverse zones cluster DNS is to send to Pharos, beside its own. Pure. */
import { type Cidr, familyOf, overlaps, prefixLengthOf } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import { reverseZonesOf } from '../api/reverse-zones-of.ts';

/** A member that claims more than a private range whole, or what a registry gives a provider, claims too much. */
const WIDEST: Readonly<Record<IpFamily, number>> = { IPv4: 8, IPv6: 20 };

export interface Ranges {
  /** This cluster's pods and Services, whose names its own DNS has. */
  readonly own: readonly Cidr[];
  /** Of the clusterset's IPs; none where they are not in use. */
  readonly clusterset: readonly Cidr[];
  /** Of other members' pods, as they say. */
  readonly remote: readonly Cidr[];
}

/** In a stable order, each once. A stranger's word takes neither this cluster's own names nor half the world's. */
export function reverseZones({ own, clusterset, remote }: Ranges): string[] {
  const isTheirs = (cidr: Cidr): boolean =>
    prefixLengthOf(cidr) >= WIDEST[familyOf(cidr)] && !own.some((mine) => overlaps(mine, cidr));
  return [...new Set([...clusterset, ...remote.filter(isTheirs)].flatMap(reverseZonesOf))].sort();
}
