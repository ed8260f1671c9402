/** Service IPs for Services that come without: what an API server would allocate. Pure. */
import { createHash } from 'node:crypto';
import { canonicalIp, ipFamily } from '../api/ip.ts';
import type { IpFamily, Service } from '../api/objects.ts';

/**
 * Gives Service IPs out of a range of the cluster's own. They depend on the names of cluster and Service, so
 * that they are the same after a restart, whatever order the Services come in; only where two names fall on
 * one address does the order decide.
 */
export class ServiceIps {
  readonly #cluster: string;
  readonly #numbers = new Map<string, number>(); // Service's namespace/name → its place in the range

  /** @param cluster the name that the range is derived from */
  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /**
   * All Services with their IPs and families, as an API server completes them. Who had an address keeps it;
   * addresses that are written in a Service go before.
   *
   * @param services by namespace/name, in an order that is the same for the same Services
   */
  complete(services: ReadonlyMap<string, Service>): Map<string, Service> {
    for (const key of this.#numbers.keys()) if (!services.has(key)) this.#numbers.delete(key);
    const written = new Set(
      services.values().flatMap(({ spec }) => givenIps(spec).map((address) => canonicalIp(address))),
    );
    const taken = new Map<number, string>(); // place → Service that has it
    for (const [key, number] of this.#numbers) {
      if (this.#addresses(number).some((address) => written.has(address))) this.#numbers.delete(key);
      else taken.set(number, key);
    }
    return new Map(
      services
        .entries()
        .map(([key, service]) => [
          key,
          withIps(service, (family) => this.#allocate(key, family, taken, written)),
        ]),
    );
  }

  #allocate(key: string, family: IpFamily, taken: Map<number, string>, written: ReadonlySet<string>): string {
    let number = this.#numbers.get(key) ?? hash(`${this.#cluster}/${key}`).readUInt16BE(0);
    const isFree = (): boolean =>
      (taken.get(number) ?? key) === key &&
      // The first and the last are the network's and the broadcast address of an IPv4 range.
      number !== 0 &&
      number !== 0xffff &&
      !this.#addresses(number).some((address) => written.has(address));
    for (let tries = 0; !isFree() && tries < 0x10000; tries++) number = (number + 1) & 0xffff;
    this.#numbers.set(key, number);
    taken.set(number, key);
    const [v4, v6] = this.#addresses(number);
    return family === 'IPv4' ? v4 : v6;
  }

  /** The IPv4 and the IPv6 address of that place: 10.C.0.0/16 with C of 128 to 255, and a /112 of fd00::/8. */
  #addresses(number: number): [v4: string, v6: string] {
    const range = hash(this.#cluster);
    const group = (at: number): string => range.readUInt16BE(at).toString(16);
    const v6 = `fd${range.subarray(1, 2).toString('hex')}:${group(2)}:${group(4)}::${number.toString(16)}`;
    return [`10.${128 + (range[0]! & 0x7f)}.${number >> 8}.${number & 0xff}`, canonicalIp(v6)];
  }
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

function givenIps({ clusterIP, clusterIPs }: Service['spec']): string[] {
  return [...new Set([clusterIP ?? '', ...(clusterIPs ?? [])])].filter(
    (text) => ipFamily(text) !== undefined,
  );
}

function withIps(service: Service, allocate: (family: IpFamily) => string): Service {
  const { spec } = service;
  if (spec.type === 'ExternalName') return service;
  if (spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None') {
    const ipFamilies = spec.ipFamilies ?? ['IPv4' as const];
    return { ...service, spec: { ...spec, clusterIP: 'None', clusterIPs: ['None'], ipFamilies } };
  }
  const given = new Map(givenIps(spec).map((address) => [ipFamily(address)!, canonicalIp(address)]));
  const families = [...new Set([...(spec.ipFamilies ?? []), ...given.keys()])];
  if (families.length === 0) families.push('IPv4');
  const clusterIPs = families.map((family) => given.get(family) ?? allocate(family));
  return { ...service, spec: { ...spec, clusterIP: clusterIPs[0]!, clusterIPs, ipFamilies: families } };
}
