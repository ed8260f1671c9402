import { BlockList } from 'node:net';
import { ipFamily } from '../api/ip.ts';

// A list of its own for each family: a BlockList takes an IPv4 address for its IPv4-mapped IPv6 one.
const unroutable = { IPv4: new BlockList(), IPv6: new BlockList() };
unroutable.IPv4.addSubnet('0.0.0.0', 8, 'ipv4'); // "this" network, RFC 1122
unroutable.IPv4.addSubnet('127.0.0.0', 8, 'ipv4'); // loopback
unroutable.IPv4.addSubnet('169.254.0.0', 16, 'ipv4'); // link-local, RFC 3927
unroutable.IPv4.addSubnet('224.0.0.0', 4, 'ipv4'); // multicast
unroutable.IPv4.addAddress('255.255.255.255', 'ipv4'); // broadcast; the rest of 240/4 is in use
unroutable.IPv6.addAddress('::', 'ipv6');
unroutable.IPv6.addAddress('::1', 'ipv6');
unroutable.IPv6.addSubnet('::ffff:0:0', 96, 'ipv6'); // IPv4-mapped: belongs into an IPv4 slice
unroutable.IPv6.addSubnet('fe80::', 10, 'ipv6'); // link-local
unroutable.IPv6.addSubnet('ff00::', 8, 'ipv6'); // multicast

/** Whether a host of another cluster could send to this address at all; false for what is no address. */
export function isRoutable(address: string): boolean {
  const family = ipFamily(address);
  return family !== undefined && !unroutable[family].check(address, family === 'IPv4' ? 'ipv4' : 'ipv6');
}
