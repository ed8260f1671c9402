import { BlockList } from 'node:net';
import {
  addressOf,
  type Cidr,
  contains,
  familyOf,
  type IpAddress,
  parseIp,
  prefixLengthOf,
} from '../api/cidr.ts';
import { ipFamily } from '../api/ip.ts';

/** A network of this cluster itself. */
export interface OwnNetwork {
  readonly cidr: Cidr;
  /** Who is in it, or who says that it is ours: `pods`, `--own-cidr`. */
  readonly of: string;
}

/** The addresses that are this cluster's own: another cluster that names one of them would get our traffic astray. */
export class OwnAddresses {
  readonly #networks: readonly OwnNetwork[];
  // A list of its own for each family: a BlockList takes an IPv4 address for its IPv4-mapped IPv6 one.
  readonly #lists = { IPv4: new BlockList(), IPv6: new BlockList() };

  constructor(networks: readonly OwnNetwork[]) {
    this.#networks = networks;
    for (const { cidr } of networks) {
      const family = familyOf(cidr);
      this.#lists[family].addSubnet(addressOf(cidr), prefixLengthOf(cidr), nodeFamily[family]);
    }
  }

  has(address: string): boolean {
    const family = ipFamily(address);
    return family !== undefined && this.#lists[family].check(address, nodeFamily[family]);
  }

  /** Why nobody else can have these addresses, which are among ours: `10.0.0.7 is an address of this cluster itself, …`. */
  whyOurs(addresses: readonly string[]): string {
    const networks = new Set(addresses.map(parseIp).flatMap((address) => this.#networkOf(address) ?? []));
    const where = [...networks].map(({ cidr, of }) => `${cidr} (${of})`).join(' and ');
    return `${addresses.join(', ')} is an address of this cluster itself, in ${where}`;
  }

  #networkOf(address: IpAddress): OwnNetwork | undefined {
    return this.#networks.find(({ cidr }) => contains(cidr, address));
  }
}

const nodeFamily = { IPv4: 'ipv4', IPv6: 'ipv6' } as const;

export const NO_ADDRESSES = new OwnAddresses([]);
