import { BlockList } from 'node:net';
import { ipFamily } from '../api/ip.ts';

const unroutable = new BlockList();
unroutable.addSubnet('0.0.0.0', 8, 'ipv4'); // "this" network, RFC 1122
unroutable.addSubnet('127.0.0.0', 8, 'ipv4'); // loopback
unroutable.addSubnet('169.254.0.0', 16, 'ipv4'); // link-local, RFC 3927
unroutable.addSubnet('224.0.0.0', 4, 'ipv4'); // multicast
unroutable.addSubnet('240.0.0.0', 4, 'ipv4'); // reserved and broadcast
unroutable.addAddress('::', 'ipv6');
unroutable.addAddress('::1', 'ipv6');
unroutable.addSubnet('::ffff:0:0', 96, 'ipv6'); // IPv4-mapped: belongs into an IPv4 slice
unroutable.addSubnet('fe80::', 10, 'ipv6'); // link-local
unroutable.addSubnet('ff00::', 8, 'ipv6'); // multicast

/** Whether a host of another cluster could send to this address at all; false for what is no address. */
export function isRoutable(address: string): boolean {
  const family = ipFamily(address);
  return family !== undefined && !unroutable.check(address, family === 'IPv4' ? 'ipv4' : 'ipv6');
}
