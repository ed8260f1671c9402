/** Networks of clients that may do what others may not. */
import { BlockList, isIPv4 } from 'node:net';
import { addressOf, type Cidr, familyOf, prefixLengthOf } from '../api/cidr.ts';

/** Whether a textual address, an IPv6 one with or without its interface, is in any of the networks. */
export function within(networks: readonly Cidr[]): (address: string) => boolean {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const family = familyOf(network) === 'IPv4' ? 'ipv4' : 'ipv6';
    list.addSubnet(addressOf(network), prefixLengthOf(network), family);
  }
  return (address) => {
    const [plain = ''] = address.split('%');
    return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
  };
}
