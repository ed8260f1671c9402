/**
 * How Pharos marks what it makes in a node's kernel, and the numbers that it takes there: all of them in
 * this one place. Whatever does not carry the mark of its sort is somebody else's and is never touched.
 */

/** `proto` of routes, rules and nexthop objects (rtnetlink's RTPROT, where 77 is nobody's). */
export const ROUTE_PROTOCOL = 77;

/** Names of links begin with this, and their aliases with {@link ALIAS_PREFIX}; only both together are ours. */
export const DEVICE_PREFIX = 'ph-';
export const ALIAS_PREFIX = 'pharos:';

/** Name of the nftables tables, one in each family; and what their comment begins with. */
export const NFT_TABLE = 'pharos';
export const NFT_COMMENT = 'owner=pharos';

/** Of the gateway process: ways into its own tunnels. The table's number is the rule's priority too. */
export const TUNNEL_TABLE = 1490;
/** Of the route agent: ways to the active gateway of this cluster. */
export const GATEWAY_TABLE = 1491;

/** Ids of nexthop objects: the way to the active gateway (route agent), and into a tunnel (gateway). */
export const GATEWAY_NEXTHOPS = { first: 1000, last: 1999 } as const;
export const TUNNEL_NEXTHOPS = { first: 2000, last: 2999 } as const;

/** The network among the nodes of one cluster. */
export const INTRA_DEVICE = 'ph-vx';
export const INTRA_VNI = 100;
export const INTRA_PORT = 4800;

/** UDP: VXLAN inside of encryption, between gateways. Not 4789, which network plugins use. */
export const INNER_VXLAN_PORT = 4801;
/** The device that encrypts for all of a gateway's tunnels, where WireGuard does. */
export const WIREGUARD_DEVICE = 'ph-wg';
