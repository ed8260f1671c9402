/** What the gateway takes of a node, beside what src/host/marks.ts fixes for all of Pharos. */
import { parseCidr } from '../api/cidr.ts';

/** Devices of tunnels to other clusters; the device among the nodes of one cluster is called otherwise. */
export const CABLE_DEVICE_PREFIX = 'ph-t';

/** UDP: echo of probes, at the inner addresses of gateways. */
export const PROBE_PORT = 4785;
/** UDP: VXLAN without encryption, unless told otherwise. */
export const VXLAN_PORT = 4790;
/** UDP: IKE and ESP, unless told otherwise (RFC 3948). */
export const IPSEC_PORT = 4500;
/** UDP: WireGuard, unless told otherwise. */
export const WIREGUARD_PORT = 51_840;

/** Inside of tunnels alone: no member may claim any of it. */
export const INNER_NETWORKS = [parseCidr('241.0.0.0/8'), parseCidr('242.0.0.0/8')];

/** Holds nothing but a hole: what goes to a cable address while no tunnel takes it must not go out in clear. */
export const HOLE_TABLE = 1492;

/** Ids of nexthop objects by family, within the range that is the gateway's. */
export const NEXTHOP_IDS = {
  IPv4: { first: 2000, last: 2499 },
  IPv6: { first: 2500, last: 2999 },
} as const;
