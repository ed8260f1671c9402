/**
 * What the route agent owns of a node's links and routes, whole: what a plan wants, and in the same form what
 * the kernel has of it. The steps from one to the other are a function of the two.
 */
import type { Cidr, IpAddress } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import { type LinkAlias, type Mac, parseAlias, parseDevice } from '../host/device.ts';
import type { IpStep } from '../host/ip-steps.ts';
import { ALIAS_PREFIX, GATEWAY_TABLE, INTRA_DEVICE, INTRA_PORT, INTRA_VNI } from '../host/marks.ts';

export interface IntraLink {
  readonly local: IpAddress;
  readonly mac: Mac;
  readonly mtu: number;
  readonly up: boolean;
}

/** The id of a nexthop object, or `device` for what is in the network among the nodes itself. */
export type RouteTarget = number | 'device';

export interface RoutingState {
  /** Absent: this node has no other node to talk to. */
  readonly link: IntraLink | undefined;
  readonly addresses: ReadonlySet<IpAddress>;
  readonly neighbours: ReadonlyMap<IpAddress, Mac>;
  /** Frames to this Ethernet address → the node that they go to. */
  readonly forwardings: ReadonlyMap<Mac, IpAddress>;
  /** id → overlay address of a gateway. */
  readonly nexthops: ReadonlyMap<number, IpAddress>;
  readonly routes: ReadonlyMap<Cidr, RouteTarget>;
  readonly rules: ReadonlySet<IpFamily>;
}

export const EMPTY_STATE: RoutingState = {
  link: undefined,
  addresses: new Set(),
  neighbours: new Map(),
  forwardings: new Map(),
  nexthops: new Map(),
  routes: new Map(),
  rules: new Set(),
};

const device = parseDevice(INTRA_DEVICE);
const INTRA_ALIAS: LinkAlias = parseAlias(`${ALIAS_PREFIX}intra-cluster`);

/**
 * The steps that make `wanted` of `actual`, none where they are equal. What is new is there before what is
 * old goes, and what changes is replaced: no packet meets a gap.
 */
export function routingSteps(actual: RoutingState, wanted: RoutingState): IpStep[] {
  const stays =
    actual.link !== undefined &&
    wanted.link !== undefined &&
    actual.link.local === wanted.link.local &&
    actual.link.mac === wanted.link.mac;
  // With a link go its addresses, neighbours, forwardings, and the nexthops and routes through it.
  const before = actual.link === undefined || stays ? actual : { ...EMPTY_STATE, rules: actual.rules };
  return [
    ...(actual.link === undefined || stays ? [] : [{ op: 'remove-link', device } as const]),
    ...(wanted.link === undefined ? [] : linkSteps(stays ? actual.link : undefined, wanted.link)),
    ...additions(before, wanted),
    ...removals(before, wanted),
  ];
}

function linkSteps(actual: IntraLink | undefined, wanted: IntraLink): IpStep[] {
  const { mtu, mac, local } = wanted;
  if (actual === undefined) {
    const settings = { kind: 'vxlan', vni: INTRA_VNI, port: INTRA_PORT, local } as const;
    return [
      { op: 'add-link', device, alias: INTRA_ALIAS, mtu, mac, settings },
      { op: 'up', device },
    ];
  }
  return [
    ...(actual.mtu === mtu ? [] : [{ op: 'set-link', device, mtu } as const]),
    ...(actual.up ? [] : [{ op: 'up', device } as const]),
  ];
}

function additions(before: RoutingState, wanted: RoutingState): IpStep[] {
  const steps: IpStep[] = [];
  for (const ip of wanted.addresses) {
    if (!before.addresses.has(ip)) steps.push({ op: 'replace-address', device, ip });
  }
  for (const [ip, mac] of wanted.neighbours) {
    if (before.neighbours.get(ip) !== mac) steps.push({ op: 'replace-neighbour', device, ip, mac });
  }
  for (const [mac, remote] of wanted.forwardings) {
    const old = before.forwardings.get(mac);
    if (old === remote) continue;
    // Two entries for one address would send each frame twice.
    if (old !== undefined) steps.push({ op: 'remove-forwarding', device, mac, remote: old });
    steps.push({ op: 'append-forwarding', device, mac, remote });
  }
  for (const [id, via] of wanted.nexthops) {
    if (before.nexthops.get(id) !== via) steps.push({ op: 'replace-nexthop', id, device, via });
  }
  for (const [destination, target] of wanted.routes) {
    if (before.routes.get(destination) === target) continue;
    const to = target === 'device' ? { device } : { nexthop: target };
    steps.push({ op: 'replace-route', destination, table: GATEWAY_TABLE, to });
  }
  for (const family of wanted.rules) if (!before.rules.has(family)) steps.push(rule('add-rule', family));
  return steps;
}

/** In the order that the kernel needs: what refers goes before what it refers to. */
function removals(before: RoutingState, wanted: RoutingState): IpStep[] {
  const steps: IpStep[] = [];
  for (const family of before.rules) if (!wanted.rules.has(family)) steps.push(rule('remove-rule', family));
  for (const destination of before.routes.keys()) {
    if (!wanted.routes.has(destination))
      steps.push({ op: 'remove-route', destination, table: GATEWAY_TABLE });
  }
  for (const id of before.nexthops.keys()) {
    if (!wanted.nexthops.has(id)) steps.push({ op: 'remove-nexthop', id });
  }
  for (const [mac, remote] of before.forwardings) {
    if (!wanted.forwardings.has(mac)) steps.push({ op: 'remove-forwarding', device, mac, remote });
  }
  for (const [ip, mac] of before.neighbours) {
    if (!wanted.neighbours.has(ip)) steps.push({ op: 'remove-neighbour', device, ip, mac });
  }
  for (const ip of before.addresses) {
    if (!wanted.addresses.has(ip)) steps.push({ op: 'remove-address', device, ip });
  }
  return steps;
}

const rule = (op: 'add-rule' | 'remove-rule', family: IpFamily): IpStep => ({
  op,
  family,
  priority: GATEWAY_TABLE,
  table: GATEWAY_TABLE,
});
