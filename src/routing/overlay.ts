/**
 * The network among the nodes of one cluster: a VXLAN of Pharos's own that neither floods nor learns. All
 * that a node must know of another follows from that node's address, so nothing has to be negotiated.
 */
import { createHash } from 'node:crypto';
import { type Cidr, type IpAddress, familyOf, parseCidr, textOf } from '../api/cidr.ts';
import { ipBytes } from '../api/ip.ts';
import { type Mac, parseMac } from '../host/device.ts';

/** Addresses within it, one per node and family: they are on no wire but inside the VXLAN. */
export interface OverlayNetworks {
  /** A /8: the lower 24 bits of a node's address fill it. */
  readonly v4: Cidr;
  /** A /64. */
  readonly v6: Cidr;
}

/** 240/8 is reserved for ever (RFC 1112), so nobody's hosts are in it; fd70:6861:726f:7300 is "pharos" in ASCII. */
export const OVERLAY: OverlayNetworks = {
  v4: parseCidr('240.0.0.0/8'),
  v6: parseCidr('fd70:6861:726f:7300::/64'),
};

/** A node within the overlay. */
export interface OverlayNode {
  /** Where the VXLAN's packets go. */
  readonly outer: IpAddress;
  readonly mac: Mac;
  readonly v4: IpAddress;
  readonly v6: IpAddress;
}

/** @param outer the node's address in the network of the nodes */
export function overlayNode(outer: IpAddress, networks: OverlayNetworks = OVERLAY): OverlayNode {
  const bytes = ipBytes(outer);
  const isV4 = familyOf(outer) === 'IPv4';
  // Four bytes that tell nodes apart; of IPv6 addresses a hash, since no part of them need differ.
  const id = isV4 ? bytes : createHash('sha256').update(bytes).digest().subarray(0, 4);
  const [a = 0, b = 0, c = 0, d = 0] = id;
  const hex = [0x02, isV4 ? 0x50 : 0x51, a, b, c, d].map((byte) => byte.toString(16).padStart(2, '0'));
  const v4 = Uint8Array.of(ipBytes(networks.v4.split('/')[0] ?? '')[0] ?? 240, b, c, d);
  const v6 = ipBytes(networks.v6.split('/')[0] ?? '');
  v6.set(isV4 ? [0, 0, 0, 0, a, b, c, d] : bytes.subarray(8), 8);
  return { outer, mac: parseMac(hex.join(':')), v4: textOf(v4), v6: textOf(v6) };
}

/** What the VXLAN adds to a packet: outer Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8. */
export const overlayOverhead = (outer: IpAddress): number => (familyOf(outer) === 'IPv4' ? 50 : 70);
