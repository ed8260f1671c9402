/**
 * Which networks of the clusterset's members may be routed to. A record of a member is a stranger's: it may
 * not take what belongs to this cluster, to another member, to the node itself or to everybody.
 */
import { type Cidr, type IpAddress, familyOf, hostCidr, overlaps, parseCidr } from '../api/cidr.ts';
import { isTooWide, unroutableIn, WIDEST } from '../api/routable.ts';
import type { Cluster } from '../api/tunnel.ts';

/** Why a network was refused: a closed set, for metrics. */
export type NetworkRefusal =
  'malformed' | 'impersonation' | 'not-routable' | 'too-wide' | 'own-range' | 'overlap';

export interface RefusedNetwork {
  /** The cluster that claims it. */
  readonly cluster: string;
  readonly network: string;
  readonly refusal: NetworkRefusal;
  /** For people: names both owners of what overlaps. */
  readonly why: string;
}

/** A member as far as its record may be believed. */
export interface Member {
  readonly cluster: string;
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
}

/** What nobody else may claim, and whose it is: `network of …`. */
export interface Claim {
  readonly network: Cidr;
  readonly owner: string;
}

/**
 * @param others records of the other members, in any order: who was there first keeps what a later one claims
 * @param own what is this cluster's and this host's
 */
export function acceptNetworks(
  others: readonly Cluster[],
  own: readonly Claim[],
): { readonly members: readonly Member[]; readonly refused: readonly RefusedNetwork[] } {
  const refused: RefusedNetwork[] = [];
  const taken: (Claim & { readonly cluster: string })[] = [];
  const members = others.toSorted(byAge).flatMap(({ metadata, spec }): Member[] => {
    const cluster = spec.clusterId;
    const refuse = (network: string, refusal: NetworkRefusal, why: string): undefined => {
      refused.push({ cluster, network, refusal, why });
    };
    if (metadata.name !== cluster) {
      refuse('', 'impersonation', `the record "${metadata.name}" speaks for cluster "${cluster}"`);
      return [];
    }
    const accept = (text: string): Cidr | undefined => {
      let network: Cidr;
      try {
        network = parseCidr(text);
      } catch (error) {
        return refuse(text, 'malformed', (error as Error).message);
      }
      if (isTooWide(network)) {
        const widest = WIDEST[familyOf(network)];
        return refuse(text, 'too-wide', `${text} of cluster "${cluster}" is wider than /${widest}`);
      }
      if (unroutableIn(network) !== undefined) {
        return refuse(
          text,
          'not-routable',
          `${text} of cluster "${cluster}" is no network that is routed to`,
        );
      }
      const mine = own.find((claim) => overlaps(claim.network, network));
      if (mine !== undefined) {
        const why = `${text} of cluster "${cluster}" overlaps ${mine.network}, ${mine.owner}`;
        return refuse(text, 'own-range', why);
      }
      const other = taken.find((claim) => claim.cluster !== cluster && overlaps(claim.network, network));
      if (other !== undefined) {
        const why = `${text} of cluster "${cluster}" overlaps ${other.network}, ${other.owner}, which was there first`;
        return refuse(text, 'overlap', why);
      }
      return network;
    };
    const take = (texts: readonly string[], what: string): Cidr[] => {
      const networks = [...new Set(texts)].map(accept).filter((network) => network !== undefined);
      taken.push(
        ...networks.map((network) => ({ network, cluster, owner: `${what} of cluster "${cluster}"` })),
      );
      return networks;
    };
    return [
      {
        cluster,
        podCidrs: take(spec.podCIDRs, 'the pods'),
        serviceCidrs: take(spec.serviceCIDRs, 'the Services'),
      },
    ];
  });
  return { members, refused };
}

/** The claim of a single address. */
export const claimOf = (ip: IpAddress, owner: string): Claim => ({ network: hostCidr(ip), owner });

/** The oldest record first, as the store of this member says; ties by name, so that all nodes agree. */
function byAge(a: Cluster, b: Cluster): number {
  const key = ({ metadata }: Cluster): string => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}
