import { createHash } from 'node:crypto';
import {
  addressOf,
  bitsOf,
  type Cidr,
  contains,
  familyOf,
  type IpAddress,
  prefixLengthOf,
  textOf,
} from '../api/cidr.ts';
import { ipBytes } from '../api/ip.ts';

/** One network of a pool, and which of its addresses may be given out. */
interface Range {
  readonly network: Uint8Array;
  /** Of the first address that is given out. */
  readonly first: number;
  readonly size: number;
}

/** No cluster has more services; it keeps offsets in four bytes, IPv6's as well. */
const MAX_HOST_BITS = 32;

/** The addresses of one family that may be given out, of one network or several. Immutable. */
export class AddressPool {
  readonly cidrs: readonly Cidr[];
  /** How many there are. */
  readonly size: number;
  readonly #ranges: readonly Range[];

  /** @param cidrs of one family, none overlapping another */
  constructor(cidrs: readonly Cidr[]) {
    this.cidrs = cidrs;
    this.#ranges = cidrs.map(rangeOf);
    this.size = this.#ranges.reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether the address is in one of the networks. */
  has(address: IpAddress): boolean {
    return this.cidrs.some((cidr) => contains(cidr, address));
  }

  /**
   * Every address once, in an order that follows from the key alone: what a service gets depends on others
   * that were there before it only where they have the same. No two keys search the same way, so that a
   * network that is almost full is no slower than it must be.
   */
  *candidates(key: string): Generator<IpAddress, void, void> {
    const hash = createHash('sha256').update(key).digest();
    let index = hash.readUIntBE(0, 6) % this.size;
    let stride = (hash.readUIntBE(6, 6) % this.size) + 1;
    while (!areCoprime(stride, this.size)) stride++;
    for (let step = 0; step < this.size; step++) {
      yield this.#at(index);
      index = (index + stride) % this.size;
    }
  }

  #at(index: number): IpAddress {
    let left = index;
    for (const { network, first, size } of this.#ranges) {
      if (left >= size) {
        left -= size;
        continue;
      }
      const bytes = Uint8Array.from(network);
      // The host bits of a network are zero, so adding to it needs no carry.
      new DataView(bytes.buffer).setUint32(
        bytes.length - 4,
        (new DataView(bytes.buffer).getUint32(bytes.length - 4) | (first + left)) >>> 0,
      );
      return textOf(bytes);
    }
    throw new RangeError(`${index} is not below ${this.size}`);
  }
}

/** Without the addresses that stand for the network: the first, and with IPv4 the last, which broadcasts. */
function rangeOf(cidr: Cidr): Range {
  const family = familyOf(cidr);
  const network = ipBytes(addressOf(cidr));
  const hostBits = Math.min(bitsOf(family) - prefixLengthOf(cidr), MAX_HOST_BITS);
  const all = 2 ** hostBits;
  if (hostBits < 2) return { network, first: 0, size: all };
  return { network, first: 1, size: all - (family === 'IPv4' ? 2 : 1) };
}

/** Then steps of one length lead through all of the other. */
function areCoprime(a: number, b: number): boolean {
  while (b !== 0) [a, b] = [b, a % b];
  return a === 1;
}
