import { createHash } from 'node:crypto';
import { type Cidr, type IpAddress, familyOf } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import type { DeviceName } from '../host/device.ts';
import { IPV6_LEAST_MTU, parseDevice } from '../host/device.ts';
import { GATEWAY_NEXTHOPS, INTRA_DEVICE } from '../host/marks.ts';
import { type GatewayChoice, chooseGateway } from './choose-gateway.ts';
import type { ClusterFacts, HostFacts, NodeFacts, ProbeVerdict } from './facts.ts';
import type { Filter } from './filter.ts';
import { OVERLAY, type OverlayNode, overlayNode, overlayOverhead } from './overlay.ts';
import { EMPTY_STATE, type RouteTarget, type RoutingState } from './routing-state.ts';

export interface PlanInput {
  /** The node that the plan is for. */
  readonly node: string;
  readonly cluster: ClusterFacts;
  readonly host: HostFacts;
  readonly verdicts: ReadonlyMap<string, ProbeVerdict>; // gateway node → verdict
}

/** Something that keeps a node from being what it should be, with a reason from a closed set. */
export interface PlanProblem {
  readonly reason:
    'node-unknown' | 'no-gateway' | 'overlay-conflict' | 'no-pod-side-address' | 'too-many-clusters';
  /** For people: what, where, and what to do. */
  readonly message: string;
}

/** Everything that the route agent wants of a node, all of it and nothing else. */
export interface RoutePlan {
  /** Undefined where this node is not known: what is there stays in force. */
  readonly state: RoutingState | undefined;
  readonly filter: Filter | undefined;
  /** Devices whose reverse path filter is to be loose. */
  readonly loose: readonly DeviceName[];
  /** remote cluster → the gateway that this node sends to, absent where a cluster has none. */
  readonly choices: ReadonlyMap<string, GatewayChoice>;
  /** gateway node, not this one → its address in the overlay: what is probed. */
  readonly probes: ReadonlyMap<string, IpAddress>;
  readonly problems: readonly PlanProblem[];
}

const device = parseDevice(INTRA_DEVICE);

/** The complete state that a node is to have. Pure: the same facts give the same plan, on whatever node it is made. */
export function planRoutes({ node, cluster, host, verdicts }: PlanInput): RoutePlan {
  const problems: PlanProblem[] = [];
  const self = cluster.nodes.find(({ name }) => name === node);
  const primary = self?.ips[0];
  if (self === undefined || primary === undefined) {
    const message = `Node "${node}" is not in this cluster's API, or has no internal address: is --node its name?`;
    return {
      state: undefined,
      filter: undefined,
      loose: [],
      choices: new Map(),
      probes: new Map(),
      problems: [{ reason: 'node-unknown', message }],
    };
  }
  const peers = overlayPeers(cluster, self, primary, problems);
  const own = overlayNode(primary);
  const gateways = cluster.gateways.filter((gateway) => gateway.node !== node && peers.has(gateway.node));
  const isGateway = cluster.gateways.some((gateway) => gateway.node === node);
  const networks = (member: { podCidrs: readonly Cidr[]; serviceCidrs: readonly Cidr[] }): Cidr[] =>
    [...member.podCidrs, ...member.serviceCidrs].filter((cidr) => host.hasIpv6 || familyOf(cidr) === 'IPv4');
  const slots = slotsOf(
    cluster.members.map(({ cluster }) => cluster),
    problems,
  );

  const nexthops = new Map<number, IpAddress>();
  const routes = new Map<Cidr, RouteTarget>();
  const choices = new Map<string, GatewayChoice>();
  for (const member of cluster.members) {
    const slot = slots.get(member.cluster);
    const choice = chooseGateway(gateways, verdicts, member.cluster);
    const peer = choice === undefined ? undefined : peers.get(choice.node);
    if (slot === undefined || choice === undefined || peer === undefined) continue;
    choices.set(member.cluster, choice);
    for (const network of networks(member)) {
      const isV4 = familyOf(network) === 'IPv4';
      const id = GATEWAY_NEXTHOPS.first + slot * 2 + (isV4 ? 0 : 1);
      nexthops.set(id, isV4 ? peer.v4 : peer.v6);
      routes.set(network, id);
    }
  }
  if (gateways.length === 0 && !isGateway && cluster.members.length > 0) {
    const message =
      'No node of this cluster is a gateway, so other clusters cannot be reached: label a node and run "pharos gateway" on it';
    problems.push({ reason: 'no-gateway', message });
  }

  const remote = cluster.members.flatMap(networks);
  const local = networks(cluster.own);
  const families = (['IPv4', 'IPv6'] as const).filter(
    (family) =>
      family === 'IPv4' || (host.hasIpv6 && [...remote, ...local].some((cidr) => familyOf(cidr) === family)),
  );
  const overlay = families.map((family) => (family === 'IPv4' ? OVERLAY.v4 : OVERLAY.v6));
  // A gateway answers all nodes; the others speak to gateways alone.
  const spokenTo = [...peers].filter(
    ([name]) => isGateway || gateways.some((gateway) => gateway.node === name),
  );
  const hasOverlay = spokenTo.length > 0;
  if (hasOverlay) for (const network of overlay) routes.set(network, 'device');
  const each = <T>(of: (peer: OverlayNode) => T): T[] => spokenTo.map(([, peer]) => of(peer));
  return {
    state: hasOverlay
      ? {
          link: {
            local: primary,
            mac: own.mac,
            mtu: intraMtu(host, primary),
            up: true,
          },
          addresses: new Set(families.map((family) => (family === 'IPv4' ? own.v4 : own.v6))),
          neighbours: new Map(
            each((peer) =>
              families.map((family) => [family === 'IPv4' ? peer.v4 : peer.v6, peer.mac] as const),
            ).flat(),
          ),
          forwardings: new Map(each((peer) => [peer.mac, peer.outer])),
          nexthops,
          routes,
          rules: new Set(families),
        }
      : EMPTY_STATE,
    filter: {
      local,
      remote,
      nodes: [...new Set(cluster.nodes.flatMap(({ ips }) => ips))],
      gatewayMacs: gateways.flatMap((gateway) => peers.get(gateway.node)?.mac ?? []),
      podSide: podSideOf(host, families, remote, problems),
      mtu: smallestMtu(cluster, intraMtu(host, primary)),
    },
    loose: hasOverlay ? [device, ...host.betweenNodes] : [],
    choices,
    probes: new Map(gateways.flatMap(({ node }) => probeOf(peers, node))),
    problems,
  };
}

function probeOf(peers: ReadonlyMap<string, OverlayNode>, node: string): [string, IpAddress][] {
  const peer = peers.get(node);
  return peer === undefined ? [] : [[node, peer.v4]];
}

/** The other nodes in the overlay, by name. Two that would be the same in it are told apart by neither. */
function overlayPeers(
  { nodes }: ClusterFacts,
  self: NodeFacts,
  primary: IpAddress,
  problems: PlanProblem[],
): Map<string, OverlayNode> {
  const family: IpFamily = familyOf(primary);
  const peers = new Map<string, OverlayNode>();
  const owners = new Map<string, string>([[overlayNode(primary).v4, self.name]]); // overlay address → node
  for (const { name, ips } of nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const ip = name === self.name ? undefined : ips.find((address) => familyOf(address) === family);
    if (ip === undefined) continue;
    const peer = overlayNode(ip);
    const owner = owners.get(peer.v4);
    if (owner !== undefined) {
      const message = `Nodes "${owner}" and "${name}" would have the same address ${peer.v4} among the nodes, since the last 24 bits of theirs are equal: "${name}" is left out`;
      problems.push({ reason: 'overlay-conflict', message });
      continue;
    }
    owners.set(peer.v4, name);
    peers.set(name, peer);
  }
  return peers;
}

/** The source that this node's own processes get towards other clusters, one per family. */
function podSideOf(
  host: HostFacts,
  families: readonly IpFamily[],
  remote: readonly Cidr[],
  problems: PlanProblem[],
): IpAddress[] {
  return families.flatMap((family) => {
    const address = host.podSide.find((ip) => familyOf(ip) === family);
    if (address !== undefined) return [address];
    if (remote.some((cidr) => familyOf(cidr) === family)) {
      const message = `This node has no ${family} address in the cluster's pod networks, so its own processes and host-network pods get no answer from other clusters`;
      problems.push({ reason: 'no-pod-side-address', message });
    }
    return [];
  });
}

/** What every IPv4 host takes (RFC 791), less what a tunnel may cost. */
const LEAST_MTU = 400;

/** On a very narrow network the outer packets are cut in two, which costs less than to be without IPv6. */
const intraMtu = ({ uplinkMtu }: HostFacts, primary: IpAddress): number =>
  Math.max(IPV6_LEAST_MTU, uplinkMtu - overlayOverhead(primary));

/** The smallest MTU on the ways to other clusters, for TCP to be told of beforehand. */
function smallestMtu({ gateways }: ClusterFacts, intra: number): number {
  const tunnels = gateways.flatMap(({ connections }) => [...connections.values()]);
  // A tunnel that says less than any could is not believed.
  const mtus = tunnels.flatMap(({ mtu }) => (mtu !== undefined && mtu >= LEAST_MTU ? [mtu] : []));
  return Math.min(intra, ...mtus);
}

const SLOTS = (GATEWAY_NEXTHOPS.last - GATEWAY_NEXTHOPS.first + 1) / 2;

/**
 * Each cluster's place in the range of nexthop ids. It follows from its name, so that clusters that come and
 * go leave the others where they are; of two with the same the second by name takes the next free one.
 */
function slotsOf(clusters: readonly string[], problems: PlanProblem[]): Map<string, number> {
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  for (const cluster of clusters.toSorted()) {
    if (taken.size === SLOTS) {
      const message = `There are more than ${SLOTS} other clusters: there is no way to "${cluster}"`;
      problems.push({ reason: 'too-many-clusters', message });
      continue;
    }
    let slot = createHash('sha256').update(cluster).digest().readUInt32BE() % SLOTS;
    while (taken.has(slot)) slot = (slot + 1) % SLOTS;
    taken.add(slot);
    slots.set(cluster, slot);
  }
  return slots;
}
