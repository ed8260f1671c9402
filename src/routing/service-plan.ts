/**
 * What a clusterset IP means on one node: for each of its ports the backends that new connections go to, and
 * those that connections may still be open to. Pure.
 */
import { createHash } from 'node:crypto';
import type { IpAddress } from '../api/cidr.ts';
import { familyOf } from '../api/cidr.ts';
import type { IpFamily, Protocol } from '../api/objects.ts';
import type { Reach } from './reach.ts';

export interface PortFacts {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/** An imported service with clusterset IPs. */
export interface ImportFacts {
  /** `namespace/name` */
  readonly key: string;
  readonly ips: readonly IpAddress[];
  readonly ports: readonly PortFacts[];
  readonly affinity: boolean;
  /** Whether the own cluster's endpoints are taken as long as there are any. */
  readonly ownFirst: boolean;
  readonly exports: readonly ExportFacts[];
}

export interface ExportFacts {
  readonly cluster: string;
  /** Its Service IPs there. */
  readonly ips: readonly IpAddress[];
  /** 0 = never chosen. */
  readonly weight: number;
}

/** Endpoints of a service in one cluster: this one's own, or what another says of its. */
export interface SliceFacts {
  /** `namespace/name` of the service. */
  readonly service: string;
  /** Undefined for this cluster's own Service. */
  readonly cluster: string | undefined;
  readonly family: IpFamily;
  readonly endpoints: readonly { readonly ip: IpAddress; readonly ready: boolean }[];
  readonly ports: readonly PortFacts[];
}

export interface Backend {
  readonly ip: IpAddress;
  readonly port: number;
}

/** One port of one clusterset IP. */
export interface VipEntry {
  readonly vip: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
  /** Whether a client's address decides which backend it gets. */
  readonly affinity: boolean;
  /** New connections go to one of these, each as likely as the others; a backend may stand here repeatedly. */
  readonly slots: readonly Backend[];
  /** `address port` of all that connections may be open to. */
  readonly alive: ReadonlySet<string>;
  /** This cluster's own pods among the slots: such a pod may get itself as an answer. */
  readonly own: readonly IpAddress[];
}

/** Most backends, by repetition or by number, that one port has. */
export const MAX_SLOTS = 32;

export interface ServiceSurroundings {
  /** This cluster's id. */
  readonly cluster: string;
  /** Spreads what cannot all be used differently over the nodes. */
  readonly node: string;
  readonly reach: (cluster: string) => Reach;
}

export const backendText = ({ ip, port }: Backend): string => `${ip} ${port}`;

export function planService(
  given: ImportFacts,
  slices: readonly SliceFacts[],
  surroundings: ServiceSurroundings,
): VipEntry[] {
  return given.ips.flatMap((vip) =>
    given.ports.map((port) => planPort(given, vip, port, slices, surroundings)),
  );
}

interface Candidate {
  readonly weight: number;
  readonly backends: readonly Backend[];
  readonly isOwn: boolean;
}

function planPort(
  { exports, affinity, ownFirst }: ImportFacts,
  vip: IpAddress,
  { name, protocol, port }: PortFacts,
  slices: readonly SliceFacts[],
  { cluster: self, node, reach }: ServiceSurroundings,
): VipEntry {
  const family = familyOf(vip);
  const ofFamily = slices.filter((slice) => slice.family === family);
  const alive = new Set<string>();
  const candidates: Candidate[] = [];
  for (const { cluster, ips, weight } of exports) {
    const isOwn = cluster === self;
    const way = reach(cluster);
    let backends: Backend[];
    if (isOwn) {
      // Only one translation of a destination is done to a packet, so kube-proxy would not act after us.
      const own = ofFamily.filter((slice) => slice.cluster === undefined);
      const all = own.flatMap(({ endpoints, ports }) => {
        const target = ports.find((other) => other.name === name && other.protocol === protocol)?.port;
        return target === undefined ? [] : endpoints.map(({ ip, ready }) => ({ ip, port: target, ready }));
      });
      // A pod that ends serves its open connections until it is gone.
      for (const backend of all) alive.add(backendText(backend));
      backends = distinct(all.filter(({ ready }) => ready));
    } else {
      if (way === 'gone') continue;
      const there = ips.filter((ip) => familyOf(ip) === family).map((ip) => ({ ip, port }));
      for (const backend of there) alive.add(backendText(backend));
      const isReady = ofFamily.some(
        (slice) => slice.cluster === cluster && slice.endpoints.some(({ ready }) => ready),
      );
      backends = isReady ? there : [];
    }
    if (backends.length > 0 && weight > 0 && way === 'open') candidates.push({ weight, backends, isOwn });
  }
  const own = candidates.find(({ isOwn }) => isOwn);
  const chosen = ownFirst && own !== undefined ? [{ ...own, weight: 1 }] : candidates;
  return {
    vip,
    protocol,
    port,
    affinity,
    slots: slotsOf(chosen, `${node} ${vip} ${port}`),
    alive,
    own: own !== undefined && chosen.some(({ isOwn }) => isOwn) ? own.backends.map(({ ip }) => ip) : [],
  };
}

function distinct(backends: readonly Backend[]): Backend[] {
  const byText = new Map(backends.map(({ ip, port }) => [backendText({ ip, port }), { ip, port }]));
  return [...byText.keys()].toSorted().flatMap((text) => byText.get(text) ?? []);
}

/** Each candidate gets slots by its weight, at least one, and its backends take turns in them. */
function slotsOf(candidates: readonly Candidate[], seed: string): Backend[] {
  const weights = candidates.map(({ weight }) => weight);
  const shares = sharesOf(
    weights,
    candidates.map(({ backends }) => backends.length),
  );
  return candidates.flatMap(({ backends }, i) => {
    const share = shares[i] ?? 0;
    const taken = backends.length <= share ? backends : picked(backends, share, seed);
    return Array.from({ length: share }, (_, slot) => taken[slot % taken.length]).filter(
      (backend) => backend !== undefined,
    );
  });
}

/** So many slots for each, in proportion, none without, {@link MAX_SLOTS} in all. */
function sharesOf(weights: readonly number[], counts: readonly number[]): number[] {
  if (weights.length === 0) return [];
  const divisor = weights.reduce(gcd);
  const least = weights.map((weight) => weight / divisor);
  const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
  if (sum(least) <= MAX_SLOTS) {
    // Repeated until every backend has a slot, where there is room for that.
    const wanted = Math.max(...least.map((share, i) => Math.ceil((counts[i] ?? 1) / share)));
    const times = Math.max(1, Math.min(wanted, Math.floor(MAX_SLOTS / sum(least))));
    return least.map((share) => share * times);
  }
  const room = MAX_SLOTS - weights.length;
  const exact = weights.map((weight) => (weight / sum(weights)) * room);
  const shares = exact.map((share) => 1 + Math.floor(share));
  const byRest = exact.map((share, i) => [share % 1, i] as const).toSorted(([a], [b]) => b - a);
  for (const [, i] of byRest.slice(0, MAX_SLOTS - sum(shares))) shares[i] = (shares[i] ?? 0) + 1;
  return shares;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The same ones as long as they are there, whatever comes and goes beside them; others on other nodes. */
function picked(backends: readonly Backend[], count: number, seed: string): Backend[] {
  const rank = (backend: Backend): string =>
    createHash('sha256')
      .update(`${seed} ${backendText(backend)}`)
      .digest('hex');
  return backends
    .map((backend) => [rank(backend), backend] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, count)
    .map(([, backend]) => backend);
}
