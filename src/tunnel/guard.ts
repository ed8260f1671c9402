import { type Cidr, familyOf } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import { elements, named, nft, type NftText, quoted } from '../host/nft.ts';
import type { Member, Self } from './admit.ts';
import type { CableDriver } from './cable-driver.ts';
import { INNER_NETWORKS } from './marks.ts';
import type { Cable } from './plan-tunnels.ts';

/** The gateway's own table; that of the route agent is another one. */
const TABLE = nft`inet ph_gateway`;

/** Removes the table, also where there is none (`destroy` is not known before nftables 1.0.7). */
export const NO_GUARD: NftText = nft`add table ${TABLE}
delete table ${TABLE}`;

/**
 * What may come out of a tunnel: packets of the cluster at its other end, to this one. Else a member could
 * speak in the name of another, or with a node's neighbours.
 */
export function guardRuleset(
  self: Self,
  members: readonly Member[],
  cables: readonly Cable[],
  driver: CableDriver,
): NftText {
  const own = [...self.podCIDRs, ...self.serviceCIDRs];
  const rules = cables.flatMap(({ device, peer }) => {
    const theirs = members.find(({ cluster }) => cluster === peer.cluster)?.cidrs ?? [];
    return (['IPv4', 'IPv6'] as const).flatMap((family) => {
      const at = nft`iifname ${quoted(device)}`;
      return [
        // "Too big" and "unreachable" come from whatever router found out.
        nft`${at} ${ERRORS[family]} accept`,
        nft`${at} ${unless('saddr', family, theirs)} counter drop`,
        nft`${at} ${unless('daddr', family, own)} counter drop`,
      ];
    });
  });
  return nft`${NO_GUARD}
table ${TABLE} {
 comment "owner=pharos gateway"
 chain ${named('ph_from')} {
  type filter hook prerouting priority raw; policy accept;
${rules}
 }
 chain ${named('ph_in')} {
  type filter hook input priority mangle; policy accept;
${driver.guard(cables)}
 }
 chain ${named('ph_cut')} {
  type filter hook postrouting priority mangle; policy accept;
${cut(cables, driver)}
 }
}`;
}

/**
 * Where less gets through than IPv6 must have, and no router says so, the tunnel's packets may be cut by routers:
 * kernels forbid it on sockets' packets (DF) as long as they know of nothing narrow.
 */
function cut(cables: readonly Cable[], driver: CableDriver): NftText[] {
  return cables
    .filter(({ isCut }) => isCut)
    .map(({ remote, mtu }) => {
      return nft`udp sport ${driver.port} ip daddr ${remote} ip length > ${mtu} ip frag-off set 0`;
    });
}

const WORDS: Readonly<Record<IpFamily, NftText>> = { IPv4: nft`ip`, IPv6: nft`ip6` };
const PROTOCOLS: Readonly<Record<IpFamily, NftText>> = {
  IPv4: nft`meta nfproto ipv4`,
  IPv6: nft`meta nfproto ipv6`,
};

const ERRORS: Readonly<Record<IpFamily, NftText>> = {
  IPv4: nft`icmp type { destination-unreachable, time-exceeded }`,
  IPv6: nft`icmpv6 type { destination-unreachable, packet-too-big, time-exceeded }`,
};

/** Matches what is of the family and in none of the networks; inside of tunnels gateways have addresses too. */
function unless(field: 'saddr' | 'daddr', family: IpFamily, cidrs: readonly Cidr[]): NftText {
  const networks = [...INNER_NETWORKS, ...cidrs].filter((cidr) => familyOf(cidr) === family);
  if (networks.length === 0) return PROTOCOLS[family];
  const word = field === 'saddr' ? nft`saddr` : nft`daddr`;
  return nft`${WORDS[family]} ${word} != { ${elements(networks.map((cidr) => nft`${cidr}`))} }`;
}
