/** Which networks and addresses may belong to a member of the clusterset at all, whoever claims them. */
import {
  type Cidr,
  contains,
  familyOf,
  type IpAddress,
  overlaps,
  parseCidr,
  prefixLengthOf,
} from './cidr.ts';
import type { IpFamily } from './objects.ts';

/** Loopback, link-local, multicast and the like (RFC 6890): nobody's pods, Services or gateways are there. */
export const NOT_ROUTABLE: readonly Cidr[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/96',
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
].map(parseCidr);

/** The widest that a network may be: a private range whole, and for IPv6 what a registry gives a provider. */
export const WIDEST: Readonly<Record<IpFamily, number>> = { IPv4: 8, IPv6: 20 };

export const isTooWide = (network: Cidr): boolean => prefixLengthOf(network) < WIDEST[familyOf(network)];

/** The range that is nobody's which the network touches. */
export const unroutableIn = (network: Cidr): Cidr | undefined =>
  NOT_ROUTABLE.find((range) => overlaps(range, network));

/** Whether an address is one that a pod, a Service or a gateway could have. */
export const isRoutableIp = (ip: IpAddress): boolean => !NOT_ROUTABLE.some((range) => contains(range, ip));
