import { type Cidr, type IpAddress, familyOf } from '../api/cidr.ts';
import { IPV6_LEAST_MTU, type Mac } from '../host/device.ts';
import { INTRA_PORT, NFT_COMMENT } from '../host/marks.ts';
import { type NftText, elements, nft, quotedText } from '../host/nft.ts';

/** What goes into the `inet pharos` table: who may speak to whom by Pharos's ways, and under which source. */
export interface Filter {
  /** This cluster's pod and Service networks. */
  readonly local: readonly Cidr[];
  /** Those of all other clusters. */
  readonly remote: readonly Cidr[];
  /** Addresses of this cluster's nodes: only they may send packets of the network among nodes. */
  readonly nodes: readonly IpAddress[];
  /** Of the other gateways of this cluster, in the network among nodes. */
  readonly gatewayMacs: readonly Mac[];
  /** Source of this node's own processes towards other clusters, at most one per family. */
  readonly podSide: readonly IpAddress[];
  /** The smallest MTU on the ways to other clusters. */
  readonly mtu: number;
}

/** TCP port, on overlay addresses only, that every node's kernel answers with a reset: see probe.ts. */
export const PROBE_PORT = 4801;

/** IP and TCP headers without options. */
const HEADERS = { IPv4: 40, IPv6: 60 } as const;

/**
 * The table, replaced whole in one transaction. An earlier `accept` does not keep another table's masquerade
 * off a packet; having been translated to what it is already does.
 */
export function filterRuleset(filter: Filter): NftText {
  const { mtu } = filter;
  const mss4 = mtu - HEADERS.IPv4;
  // What is carried of IPv6 is carried up to here, on whatever network (RFC 8200, 5).
  const mss6 = Math.max(IPV6_LEAST_MTU, mtu) - HEADERS.IPv6;
  return nft`
add table inet pharos
delete table inet pharos
table inet pharos {
  comment ${quotedText(NFT_COMMENT)}
${(['IPv4', 'IPv6'] as const).map((family) => sets(filter, family))}
  set ph_gateways {
    type ether_addr
    ${elementsOf(filter.gatewayMacs.map((mac) => macText(mac)))}
  }
  chain ph_raw_in {
    type filter hook prerouting priority -300; policy accept;
    udp dport ${INTRA_PORT} notrack
    iifname "ph-vx" tcp dport ${PROBE_PORT} notrack
  }
  chain ph_raw_out {
    type filter hook output priority -300; policy accept;
    udp dport ${INTRA_PORT} notrack
    oifname "ph-vx" tcp sport ${PROBE_PORT} notrack
  }
  chain ph_in {
    type filter hook input priority -10; policy accept;
    udp dport ${INTRA_PORT} ip saddr != @ph_nodes4 counter drop
    udp dport ${INTRA_PORT} ip6 saddr != @ph_nodes6 counter drop
    iifname "ph-vx" tcp dport ${PROBE_PORT} reject with tcp reset
  }
  chain ph_guard {
    type filter hook forward priority -150; policy accept;
    iifname "ph-vx" oifname "ph-vx" ether saddr @ph_gateways counter drop
    iifname "ph-*" iifname != "ph-vx" ip daddr @ph_remote4 counter drop
    iifname "ph-*" iifname != "ph-vx" ip6 daddr @ph_remote6 counter drop
  }
  chain ph_mss {
    type filter hook postrouting priority -150; policy accept;
    ip daddr @ph_remote4 tcp flags & (syn | rst) == syn tcp option maxseg size set ${mss4}
    ip saddr @ph_remote4 tcp flags & (syn | rst) == syn tcp option maxseg size set ${mss4}
    ip6 daddr @ph_remote6 tcp flags & (syn | rst) == syn tcp option maxseg size set ${mss6}
    ip6 saddr @ph_remote6 tcp flags & (syn | rst) == syn tcp option maxseg size set ${mss6}
  }
  chain ph_post {
    type nat hook postrouting priority 90; policy accept;
${filter.podSide.map(podSideRule)}
    ip saddr @ph_local4 ip daddr @ph_remote4 counter snat ip to ip saddr
    ip saddr @ph_remote4 ip daddr @ph_local4 counter snat ip to ip saddr
    ip6 saddr @ph_local6 ip6 daddr @ph_remote6 counter snat ip6 to ip6 saddr
    ip6 saddr @ph_remote6 ip6 daddr @ph_local6 counter snat ip6 to ip6 saddr
  }
}`;
}

function sets(filter: Filter, family: 'IPv4' | 'IPv6'): NftText {
  const type = family === 'IPv4' ? nft`ipv4_addr` : nft`ipv6_addr`;
  const digit = family === 'IPv4' ? 4 : 6;
  const of = (values: readonly (Cidr | IpAddress)[]): NftText =>
    elementsOf(values.filter((value) => familyOf(value) === family).map((value) => nft`${value}`));
  return nft`  set ph_local${digit} {
    type ${type}
    flags interval
    auto-merge
    ${of(filter.local)}
  }
  set ph_remote${digit} {
    type ${type}
    flags interval
    auto-merge
    ${of(filter.remote)}
  }
  set ph_nodes${digit} {
    type ${type}
    ${of(filter.nodes)}
  }`;
}

/** A set that is empty must not have the word at all. */
const elementsOf = (values: readonly NftText[]): NftText =>
  values.length === 0 ? nft`` : nft`elements = { ${elements(values)} }`;

const macText = (mac: Mac): NftText => nft`${mac}`;

/** What leaves from one of the node's addresses that other clusters know no way back to. */
function podSideRule(ip: IpAddress): NftText {
  return familyOf(ip) === 'IPv4'
    ? nft`    ip saddr != @ph_local4 ip daddr @ph_remote4 fib saddr type local counter snat ip to ${ip}`
    : nft`    ip6 saddr != @ph_local6 ip6 daddr @ph_remote6 fib saddr type local counter snat ip6 to ${ip}`;
}
