import { familyOf, hostCidr, type IpAddress } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import { type DeviceName, IPV6_LEAST_MTU } from '../host/device.ts';
import { TUNNEL_TABLE } from '../host/marks.ts';
import type { Member, PeerGateway, Refusal, Self } from './admit.ts';
import {
  aliasOf,
  cableAddress,
  deviceOf,
  innerAddress,
  innerAddress6,
  keyOfGateway,
  macOf,
  vniOf,
} from './gateway-ref.ts';
import { HOLE_TABLE, INNER_NETWORKS, NEXTHOP_IDS } from './marks.ts';
import type { TunnelHost, TunnelLink, TunnelNexthop, TunnelRoute, TunnelRule } from './tunnel-host.ts';

/** A tunnel that should be up: from this gateway to one of another cluster. */
export interface Cable {
  readonly peer: PeerGateway;
  /** {@link keyOfGateway} of the peer. */
  readonly key: string;
  readonly device: DeviceName;
  /** Where the peer is dialled; one of its addresses. */
  readonly remote: IpAddress;
  /** Where its probes are answered. */
  readonly inner: IpAddress;
  /** The largest packet that its device takes: all that there is room for between the two, as their links are. */
  readonly room: number;
  /** The largest that gets through, as far as is known. */
  readonly mtu: number;
  /** Whether what is larger must go all the same, and be cut on the way. */
  readonly isCut: boolean;
}

/** How a driver carries the VXLAN that every tunnel is. */
export interface Carrier {
  /** `outer`: it goes between the gateways' own addresses. `inner`: between cable addresses, which the driver encrypts. */
  readonly between: 'outer' | 'inner';
  /** UDP port of the VXLAN. */
  readonly port: number;
  /** Bytes that a packet of a pod grows by until it is on the wire, by the family of the outer addresses. */
  readonly overhead: Readonly<Record<IpFamily, number>>;
  /** The device that takes what goes to cable addresses, where no routes of the driver's own do. */
  readonly device?: DeviceName;
}

export interface TunnelInput {
  readonly self: Self;
  readonly members: readonly Member[];
  readonly carrier: Carrier;
  /** Of the device with this gateway's own address. */
  readonly underlayMtu: number;
  /** gateway's key → the address that it is dialled at, where another than its first turned out to work. */
  readonly addresses: ReadonlyMap<string, IpAddress>;
  /** gateway's key → the largest packet that gets through to it, where that is known */
  readonly mtus: ReadonlyMap<string, number>;
  /** Keys of gateways to which no router tells what does not fit. */
  readonly untold: ReadonlySet<string>;
  /** cluster → gateway that is sent to; absent where none answers. */
  readonly chosen: ReadonlyMap<string, string>;
  /** cluster → number of its nexthop objects, so that they stay the same while clusters come and go. */
  readonly numbers: ReadonlyMap<string, number>;
}

export interface TunnelPlan {
  readonly cables: readonly Cable[];
  readonly host: TunnelHost;
  readonly refused: readonly Refusal[];
}

/** All that this gateway's node should hold for its tunnels: nothing is left out, nothing is remembered. */
export function planTunnels(input: TunnelInput): TunnelPlan {
  const { self, members, carrier, chosen, numbers } = input;
  const hasIPv6 = hasFamily6(self);
  const families: readonly IpFamily[] = hasIPv6 ? ['IPv4', 'IPv6'] : ['IPv4'];
  const cables: Cable[] = [];
  const links: TunnelLink[] = [];
  const nexthops: TunnelNexthop[] = [];
  const routes: TunnelRoute[] = [];
  const refused: Refusal[] = [];
  const vnis = new Map<number, string>(); // VXLAN network → gateway
  for (const { cluster, cidrs, gateways } of members) {
    for (const peer of gateways) {
      const vni = vniOf(self, peer);
      const other = vnis.get(vni);
      if (other !== undefined) {
        const message = `its VXLAN network ${vni} is that of ${other}; give the node another name`;
        refused.push({ record: `Endpoint ${cluster}.${peer.gateway}`, reason: 'clash', message });
        continue;
      }
      vnis.set(vni, keyOfGateway(peer));
      const cable = cableTo(peer, input);
      cables.push(cable);
      links.push(linkOf(cable, vni, input, hasIPv6));
      routes.push({ destination: hostCidr(cable.inner), table: TUNNEL_TABLE, to: { device: cable.device } });
      if (carrier.device !== undefined) {
        const destination = hostCidr(cableAddress(peer));
        routes.push({ destination, table: TUNNEL_TABLE, to: { device: carrier.device } });
      }
    }
    const active = cables.find(
      ({ peer }) => peer.cluster === cluster && peer.gateway === chosen.get(cluster),
    );
    const number = numbers.get(cluster);
    if (active === undefined || number === undefined) continue;
    for (const family of families) {
      const own = cidrs.filter((cidr) => familyOf(cidr) === family);
      if (own.length === 0) continue;
      const id = NEXTHOP_IDS[family].first + number;
      const via = family === 'IPv4' ? active.inner : innerAddress6(active.peer);
      nexthops.push({ id, device: active.device, via });
      // The device is left as it is: packets that find out whether more gets through must fit into it.
      const most = family === 'IPv4' ? active.mtu : Math.max(IPV6_LEAST_MTU, active.mtu);
      const mtu = most < active.room ? { mtu: most } : {};
      for (const destination of own)
        routes.push({ destination, table: TUNNEL_TABLE, to: { nexthop: id }, ...mtu });
    }
  }
  if (carrier.between === 'inner' && links.length > 0) {
    for (const destination of INNER_NETWORKS) routes.push({ destination, table: HOLE_TABLE, to: 'hole' });
  }
  return { cables, host: { links, nexthops, routes, rules: rulesFor(input, families, links) }, refused };
}

function rulesFor(
  { carrier }: TunnelInput,
  families: readonly IpFamily[],
  links: readonly unknown[],
): TunnelRule[] {
  if (links.length === 0) return [];
  const table = TUNNEL_TABLE;
  const rules: TunnelRule[] = families.map((family) => ({ family, priority: table, table }));
  if (carrier.between === 'inner') rules.push({ family: 'IPv4', priority: HOLE_TABLE, table: HOLE_TABLE });
  return rules;
}

const hasFamily6 = ({ podCIDRs, serviceCIDRs }: Self): boolean =>
  [...podCIDRs, ...serviceCIDRs].some((cidr) => familyOf(cidr) === 'IPv6');

function cableTo(
  peer: PeerGateway,
  { self, addresses, mtus, untold, carrier, underlayMtu }: TunnelInput,
): Cable {
  const key = keyOfGateway(peer);
  const dialled = addresses.get(key);
  const [first] = peer.addresses;
  const remote = dialled !== undefined && peer.addresses.includes(dialled) ? dialled : first!;
  const underlay = Math.min(underlayMtu, peer.mtu ?? underlayMtu);
  const room = Math.max(IPV6_LEAST_MTU, underlay - carrier.overhead[familyOf(remote)]);
  const mtu = Math.min(room, mtus.get(key) ?? room);
  return {
    peer,
    key,
    device: deviceOf(peer),
    remote,
    inner: innerAddress(peer),
    room,
    mtu,
    // IPv6 has no smaller packets. Where routers tell, the kernel cuts the tunnel's packets by itself.
    isCut: familyOf(remote) === 'IPv4' && mtu < IPV6_LEAST_MTU && untold.has(key) && hasFamily6(self),
  };
}

function linkOf(cable: Cable, vni: number, { self, carrier }: TunnelInput, hasIPv6: boolean): TunnelLink {
  const { peer, device, remote, room } = cable;
  const isOuter = carrier.between === 'outer';
  const mac = macOf(peer, self);
  return {
    device,
    alias: aliasOf(peer),
    mtu: room,
    mac: macOf(self, peer),
    settings: {
      kind: 'vxlan',
      vni,
      port: carrier.port,
      local: isOuter ? self.privateIP : cableAddress(self),
      remote: isOuter ? remote : cableAddress(peer),
    },
    // The same on all tunnels: whichever of them an answer takes, it has the right source.
    addresses: [innerAddress(self), ...(isOuter ? [] : [cableAddress(self)])],
    neighbours: [{ ip: cable.inner, mac }, ...(hasIPv6 ? [{ ip: innerAddress6(peer), mac }] : [])],
  };
}

/**
 * Numbers for the clusters' nexthop objects: those that they have, and the lowest free ones for the rest.
 * @param before cluster → number; what it says of clusters that are no more is dropped
 */
export function numberClusters(
  clusters: readonly string[],
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  const most = NEXTHOP_IDS.IPv4.last - NEXTHOP_IDS.IPv4.first;
  for (const cluster of clusters) {
    const number = before.get(cluster);
    if (number !== undefined && ![...numbers.values()].includes(number)) numbers.set(cluster, number);
  }
  const taken = new Set(numbers.values());
  let next = 0;
  for (const cluster of clusters.toSorted()) {
    if (numbers.has(cluster)) continue;
    while (taken.has(next)) next++;
    if (next > most) break;
    numbers.set(cluster, next);
    taken.add(next);
  }
  return numbers;
}

/** What an earlier process of this gateway was in the middle of, as the node shows it. */
export interface Adopted {
  /** cluster → number of its nexthop objects */
  readonly numbers: ReadonlyMap<string, number>;
  /** cluster → gateway that is sent to */
  readonly chosen: ReadonlyMap<string, string>;
  /** gateway's key → the largest packet that got through to it, where that was less than there is room for */
  readonly mtus: ReadonlyMap<string, number>;
}

export function adopt(host: TunnelHost, members: readonly Member[]): Adopted {
  const numbers = new Map<string, number>();
  const chosen = new Map<string, string>();
  const mtus = new Map<string, number>();
  const gateways = new Map(
    members.flatMap((member) => member.gateways.map((peer) => [deviceOf(peer), peer] as const)),
  );
  for (const { id, device } of host.nexthops) {
    const peer = gateways.get(device);
    if (peer === undefined) continue;
    const { first } = id >= NEXTHOP_IDS.IPv6.first ? NEXTHOP_IDS.IPv6 : NEXTHOP_IDS.IPv4;
    numbers.set(peer.cluster, id - first);
    chosen.set(peer.cluster, peer.gateway);
    const mtu = host.routes.find(({ to }) => to !== 'hole' && 'nexthop' in to && to.nexthop === id)?.mtu;
    // For IPv6 it may have been more than gets through in one piece.
    if (mtu !== undefined) mtus.set(keyOfGateway(peer), Math.min(mtu, mtus.get(keyOfGateway(peer)) ?? mtu));
  }
  return { numbers, chosen, mtus };
}

/** Everything gone: what `--cleanup` sets. */
export const NOTHING: TunnelHost = { links: [], nexthops: [], routes: [], rules: [] };
