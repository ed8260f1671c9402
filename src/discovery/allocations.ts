import { familyOf, type IpAddress } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import type { AddressPool } from './address-pool.ts';

/** The pools by family; a family without one has no clusterset IPs. */
export type Pools = Readonly<Partial<Record<IpFamily, AddressPool>>>;

/** Why a service has no clusterset IP of a family. */
export interface Lack {
  readonly family: IpFamily;
  readonly why: 'exhausted' | 'no-cidr';
}

/** What a service has. */
export interface Held {
  /** In the order of the families that were asked for, at most one of each. */
  readonly ips: readonly IpAddress[];
  readonly lacking: readonly Lack[];
}

/** An address that a service had, and that nobody else gets before its time is up. */
export interface Resting {
  readonly address: IpAddress;
  readonly service: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * For so long after a service is gone nobody else gets its address: much longer than a DNS answer lives, so
 * that no client that still has the answer reaches a stranger.
 */
export const REST_MS = 5 * 60_000;

/**
 * Which service has which address. No two ever have the same one, and who has one keeps it. Pure: no clock,
 * no I/O.
 */
export class Allocations {
  readonly #pools: Pools;
  readonly #held = new Map<string, readonly IpAddress[]>(); // service → addresses
  readonly #owners = new Map<IpAddress, string>(); // address → service
  readonly #resting = new Map<IpAddress, Resting>();
  readonly #former = new Map<string, Set<IpAddress>>(); // service → addresses of its that rest
  readonly #taken: Record<IpFamily, number> = { IPv4: 0, IPv6: 0 }; // held and resting

  constructor(pools: Pools) {
    this.#pools = pools;
  }

  /** The services that have addresses. */
  services(): IterableIterator<string> {
    return this.#held.keys();
  }

  resting(): IterableIterator<Resting> {
    return this.#resting.values();
  }

  /** How many addresses of a family are held, resting, and free. */
  count(family: IpFamily): { readonly held: number; readonly resting: number; readonly free: number } {
    const resting = [...this.#resting.keys()].filter((address) => familyOf(address) === family).length;
    const taken = this.#taken[family];
    return { held: taken - resting, resting, free: (this.#pools[family]?.size ?? 0) - taken };
  }

  /** What a service has; empty where it has nothing. */
  of(service: string): readonly IpAddress[] {
    return this.#held.get(service) ?? [];
  }

  /**
   * Takes over what a service is known to have, in place of what was known before. What another service
   * has already, and what no pool holds, is not taken.
   */
  adopt(service: string, addresses: readonly IpAddress[]): void {
    for (const address of this.of(service)) this.#drop(address);
    this.#held.delete(service);
    const own = addresses.filter((address) => this.#has(address) && !this.#owners.has(address));
    for (const address of own) this.#take(address, service);
    if (own.length > 0) this.#held.set(service, own);
  }

  /** Remembers that an address rests, unless somebody has it. */
  rest(resting: Resting): void {
    const { address } = resting;
    if (!this.#has(address) || this.#owners.has(address)) return;
    if (this.#resting.has(address)) this.#wakeUp(address);
    else this.#taken[familyOf(address)]++;
    this.#lay(resting);
  }

  /**
   * Gives the service an address of each family, as far as there are any: the one that it has, else the one
   * that it had, else a free one. What it has of other families goes to rest.
   *
   * @param now milliseconds since 1970
   */
  hold(service: string, families: readonly IpFamily[], now: number): Held {
    const before = this.of(service);
    const ips: IpAddress[] = [];
    const lacking: Lack[] = [];
    for (const family of new Set(families)) {
      const address =
        before.find((has) => familyOf(has) === family) ??
        [...(this.#former.get(service) ?? [])].find((had) => familyOf(had) === family) ??
        this.#free(service, family, now);
      if (address === undefined) {
        lacking.push({ family, why: this.#pools[family] === undefined ? 'no-cidr' : 'exhausted' });
        continue;
      }
      ips.push(address);
      this.#take(address, service);
    }
    for (const address of before) if (!ips.includes(address)) this.#part(address, service, now);
    if (ips.length === 0) this.#held.delete(service);
    else this.#held.set(service, ips);
    return { ips, lacking };
  }

  /** The service is gone: what it had goes to rest. @returns whether it had anything */
  release(service: string, now: number): boolean {
    const addresses = this.of(service);
    for (const address of addresses) this.#part(address, service, now);
    return this.#held.delete(service);
  }

  /** Frees what has rested long enough. */
  wake(now: number): void {
    for (const { address, until } of this.#resting.values()) if (until <= now) this.#drop(address);
  }

  #has(address: IpAddress): boolean {
    return this.#pools[familyOf(address)]?.has(address) === true;
  }

  #free(service: string, family: IpFamily, now: number): IpAddress | undefined {
    const pool = this.#pools[family];
    if (pool === undefined) return undefined;
    if (this.#taken[family] >= pool.size) this.wake(now);
    if (this.#taken[family] >= pool.size) return undefined;
    for (const address of pool.candidates(service)) {
      const isResting = (this.#resting.get(address)?.until ?? now) > now;
      if (!isResting && !this.#owners.has(address)) return address;
    }
    return undefined;
  }

  #take(address: IpAddress, service: string): void {
    const isNew = !this.#wakeUp(address) && !this.#owners.has(address);
    if (isNew) this.#taken[familyOf(address)]++;
    this.#owners.set(address, service);
  }

  #part(address: IpAddress, service: string, now: number): void {
    this.#owners.delete(address);
    this.#lay({ address, service, until: now + REST_MS });
  }

  #lay(resting: Resting): void {
    const { address, service } = resting;
    this.#resting.set(address, resting);
    const former = this.#former.get(service);
    if (former === undefined) this.#former.set(service, new Set([address]));
    else former.add(address);
  }

  /** @returns whether it rested */
  #wakeUp(address: IpAddress): boolean {
    const resting = this.#resting.get(address);
    if (resting === undefined) return false;
    this.#resting.delete(address);
    const former = this.#former.get(resting.service);
    former?.delete(address);
    if (former?.size === 0) this.#former.delete(resting.service);
    return true;
  }

  #drop(address: IpAddress): void {
    const wasHeld = this.#owners.delete(address);
    if (this.#wakeUp(address) || wasHeld) this.#taken[familyOf(address)]--;
  }
}
