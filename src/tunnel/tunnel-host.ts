/** What a node holds for tunnels, as the kernel has it and as it should be: read, compared, and made equal. */
import { type Cidr, type IpAddress, familyOf } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import { type DeviceName, type LinkAlias, type Mac, isDeviceName } from '../host/device.ts';
import {
  type Address,
  type Link,
  type Neighbour,
  type Nexthop,
  parseNeighbours,
  readAddresses,
  readLinks,
  readNexthops,
  readRoutes,
  readRules,
  type Route,
  type Rule,
} from '../host/ip-state.ts';
import type { Hop, IpStep, VxlanSettings } from '../host/ip-steps.ts';
import { ALIAS_PREFIX, ROUTE_PROTOCOL, TUNNEL_NEXTHOPS, TUNNEL_TABLE } from '../host/marks.ts';
import type { Run } from '../host/run.ts';
import { CABLE_DEVICE_PREFIX, HOLE_TABLE } from './marks.ts';

export interface TunnelLink {
  readonly device: DeviceName;
  readonly alias: LinkAlias;
  readonly mtu: number;
  readonly mac: Mac;
  readonly settings: VxlanSettings;
  readonly addresses: readonly IpAddress[];
  /** Permanent ones. */
  readonly neighbours: readonly { readonly ip: IpAddress; readonly mac: Mac }[];
}

export interface TunnelNexthop extends Hop {
  readonly id: number;
  readonly device: DeviceName;
}

export interface TunnelRoute {
  readonly destination: Cidr;
  readonly table: number;
  readonly to: { readonly nexthop: number } | Hop | 'hole';
  /** Where less gets through than the device takes. */
  readonly mtu?: number;
}

export interface TunnelRule {
  readonly family: IpFamily;
  readonly priority: number;
  readonly table: number;
}

/** Each list in no particular order. */
export interface TunnelHost {
  readonly links: readonly TunnelLink[];
  readonly nexthops: readonly TunnelNexthop[];
  readonly routes: readonly TunnelRoute[];
  readonly rules: readonly TunnelRule[];
}

const TABLES = [TUNNEL_TABLE, HOLE_TABLE];

/** The parts of a node's state that {@link tunnelHostOf} looks at. */
export interface KernelState {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly neighbours: readonly Neighbour[];
  readonly nexthops: readonly Nexthop[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

export async function readKernelState(run: Run): Promise<KernelState> {
  const families: readonly IpFamily[] = ['IPv4', 'IPv6'];
  const [links, addresses, neighbours, nexthops, routes, rules] = await Promise.all([
    readLinks(run),
    readAddresses(run),
    run('ip', ['-json', 'neighbour', 'show', 'nud', 'permanent']).then((output) =>
      parseNeighbours(output, ''),
    ),
    readNexthops(run),
    Promise.all(families.flatMap((family) => TABLES.map((table) => readRoutes(run, family, table)))),
    Promise.all(families.map((family) => readRules(run, family))),
  ]);
  return { links, addresses, neighbours, nexthops, routes: routes.flat(), rules: rules.flat() };
}

/** What of a node's state is the gateway's own, by its marks. */
export function tunnelHostOf(state: KernelState): TunnelHost {
  const links = state.links.flatMap((link) => ownLink(link, state) ?? []);
  return {
    links,
    nexthops: state.nexthops.flatMap(({ id, device, via, protocol }) => {
      const isOurs = protocol === ROUTE_PROTOCOL && id >= TUNNEL_NEXTHOPS.first && id <= TUNNEL_NEXTHOPS.last;
      if (!isOurs || device === undefined || !isDeviceName(device)) return [];
      return [{ id, device, ...(via !== undefined && { via }) }];
    }),
    routes: state.routes.flatMap(
      ({ destination, table, type, device, via, nexthop, protocol, mtu }): TunnelRoute[] => {
        if (protocol !== ROUTE_PROTOCOL || !TABLES.includes(table)) return [];
        if (type === 'blackhole') return [{ destination, table, to: 'hole' }];
        const most = mtu === undefined ? {} : { mtu };
        if (nexthop !== undefined) return [{ destination, table, to: { nexthop }, ...most }];
        if (device === undefined || !isDeviceName(device)) return [];
        return [{ destination, table, to: { device, ...(via !== undefined && { via }) }, ...most }];
      },
    ),
    rules: state.rules
      .filter(({ protocol, table, priority, unconditional }) => {
        return protocol === ROUTE_PROTOCOL && TABLES.includes(table) && priority === table && unconditional;
      })
      .map(({ family, priority, table }) => ({ family, priority, table })),
  };
}

function ownLink(link: Link, { addresses, neighbours }: KernelState): TunnelLink | undefined {
  const { name, alias = '', mtu, mac = '', vxlan, up } = link;
  const isOurs = name.startsWith(CABLE_DEVICE_PREFIX) && alias.startsWith(`${ALIAS_PREFIX}tunnel:`);
  if (!isOurs || !isDeviceName(name)) return undefined;
  return {
    device: name,
    alias: alias as LinkAlias,
    // A link that is down is as good as one that is wrong.
    mtu: up ? mtu : 0,
    mac: mac as Mac,
    settings: {
      kind: 'vxlan',
      vni: vxlan?.vni ?? 0,
      port: vxlan?.port ?? 0,
      local: (vxlan?.local ?? '') as IpAddress,
      ...(vxlan?.remote !== undefined && { remote: vxlan.remote as IpAddress }),
    },
    // The kernel's own link-local addresses are nobody's business.
    addresses: addresses.flatMap(({ device, ip, scope }) =>
      device === name && scope !== 'link' ? [ip] : [],
    ),
    neighbours: neighbours.flatMap(({ device, ip, mac: at, permanent }) =>
      device === name && permanent && !ip.startsWith('ff') && !isMulticast(ip)
        ? [{ ip, mac: at as Mac }]
        : [],
    ),
  };
}

const isMulticast = (ip: IpAddress): boolean => familyOf(ip) === 'IPv4' && /^2(2[4-9]|3\d)\./.test(ip);

/**
 * The steps that make `from` equal to `to`; none where it is. New ways are there before old ones go, and
 * a nexthop object that stays is replaced, so that no packet finds a gap.
 */
export function planHost(from: TunnelHost, to: TunnelHost): IpStep[] {
  const steps: IpStep[] = [];
  const before = new Map(from.links.map((link) => [link.device, link]));
  const wanted = new Map(to.links.map((link) => [link.device, link]));
  // What a link had goes with it: addresses, neighbours, and the nexthops and routes that lead through it.
  const lost = new Set<string>(); // devices that go, for good or to be made anew
  const gone: IpStep[] = [];
  for (const { device } of from.links) if (!wanted.has(device)) gone.push({ op: 'remove-link', device });
  for (const { device } of gone as { device: DeviceName }[]) lost.add(device);

  for (const link of to.links) {
    const had = before.get(link.device);
    if (had !== undefined && sameSettings(had, link)) {
      if (had.mtu !== link.mtu) steps.push({ op: 'set-link', device: link.device, mtu: link.mtu });
      if (had.mtu === 0) steps.push({ op: 'up', device: link.device });
      steps.push(...attachments(had, link));
      continue;
    }
    if (had !== undefined) {
      lost.add(link.device);
      steps.push({ op: 'remove-link', device: link.device });
    }
    const { device, alias, mtu, mac, settings } = link;
    steps.push({ op: 'add-link', device, alias, mtu, mac, settings });
    steps.push({ op: 'up', device });
    steps.push(...attachments(undefined, link));
  }

  const remade = new Set([...lost].filter((device) => wanted.has(device as DeviceName)));
  const keptNexthops = new Map(
    from.nexthops.filter(({ device }) => !remade.has(device)).map((nexthop) => [nexthop.id, nexthop]),
  );
  for (const nexthop of to.nexthops) {
    const had = keptNexthops.get(nexthop.id);
    if (had === undefined || had.device !== nexthop.device || had.via !== nexthop.via) {
      steps.push({ op: 'replace-nexthop', ...nexthop });
    }
  }
  const survives = ({ to: way }: TunnelRoute): boolean => {
    if (way === 'hole') return true;
    return 'nexthop' in way ? keptNexthops.has(way.nexthop) : !remade.has(way.device);
  };
  const keptRoutes = new Map(from.routes.filter(survives).map((route) => [routeKey(route), route]));
  for (const route of to.routes) {
    const had = keptRoutes.get(routeKey(route));
    if (had?.mtu === route.mtu && JSON.stringify(had?.to) === JSON.stringify(route.to)) continue;
    const { destination, table, to, mtu } = route;
    if (to === 'hole') steps.push({ op: 'replace-hole', destination, table });
    else steps.push({ op: 'replace-route', destination, table, to, ...(mtu !== undefined && { mtu }) });
  }
  for (const rule of to.rules) {
    if (!from.rules.some((had) => sameRule(had, rule))) steps.push({ op: 'add-rule', ...rule });
  }

  for (const rule of from.rules) {
    if (!to.rules.some((other) => sameRule(other, rule))) steps.push({ op: 'remove-rule', ...rule });
  }
  const wantedRoutes = new Set(to.routes.map(routeKey));
  for (const route of keptRoutes.values()) {
    if (wantedRoutes.has(routeKey(route))) continue;
    steps.push({ op: 'remove-route', destination: route.destination, table: route.table });
  }
  const wantedNexthops = new Set(to.nexthops.map(({ id }) => id));
  for (const { id } of keptNexthops.values()) {
    if (!wantedNexthops.has(id)) steps.push({ op: 'remove-nexthop', id });
  }
  return [...steps, ...gone];
}

function sameSettings(a: TunnelLink, b: TunnelLink): boolean {
  const [x, y] = [a.settings, b.settings];
  return (
    a.mac === b.mac &&
    a.alias === b.alias &&
    x.vni === y.vni &&
    x.port === y.port &&
    x.local === y.local &&
    x.remote === y.remote
  );
}

function attachments(had: TunnelLink | undefined, { device, addresses, neighbours }: TunnelLink): IpStep[] {
  const hadAddresses = had?.addresses ?? [];
  const hadNeighbours = had?.neighbours ?? [];
  return [
    ...addresses
      .filter((ip) => !hadAddresses.includes(ip))
      .map((ip): IpStep => ({ op: 'replace-address', device, ip })),
    ...neighbours
      .filter(({ ip, mac }) => !hadNeighbours.some((other) => other.ip === ip && other.mac === mac))
      .map((neighbour): IpStep => ({ op: 'replace-neighbour', device, ...neighbour })),
    ...hadAddresses
      .filter((ip) => !addresses.includes(ip))
      .map((ip): IpStep => ({ op: 'remove-address', device, ip })),
    ...hadNeighbours
      .filter(({ ip }) => !neighbours.some((other) => other.ip === ip))
      .map((neighbour): IpStep => ({ op: 'remove-neighbour', device, ...neighbour })),
  ];
}

const routeKey = ({ destination, table }: TunnelRoute): string => `${table} ${destination}`;

const sameRule = (a: TunnelRule, b: TunnelRule): boolean =>
  a.family === b.family && a.priority === b.priority && a.table === b.table;
