import { BlockList } from 'node:net';
import { addressOf, type Cidr, familyOf, prefixLengthOf } from '../api/cidr.ts';
import { ipFamily } from '../api/ip.ts';

/** The addresses that are this cluster's own: another cluster that names one of them would get our traffic astray. */
export class OwnAddresses {
  // A list of its own for each family: a BlockList takes an IPv4 address for its IPv4-mapped IPv6 one.
  readonly #lists = { IPv4: new BlockList(), IPv6: new BlockList() };

  constructor(cidrs: readonly Cidr[]) {
    for (const cidr of cidrs) {
      const family = familyOf(cidr);
      this.#lists[family].addSubnet(addressOf(cidr), prefixLengthOf(cidr), nodeFamily[family]);
    }
  }

  has(address: string): boolean {
    const family = ipFamily(address);
    return family !== undefined && this.#lists[family].check(address, nodeFamily[family]);
  }
}

const nodeFamily = { IPv4: 'ipv4', IPv6: 'ipv6' } as const;

export const NO_ADDRESSES = new OwnAddresses([]);
