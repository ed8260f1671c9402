/**
 * What `ip -json` says of a node, read into types. The kernel's own words, except that numbers are numbers,
 * addresses canonical, and what names no network (`default`) is the network that it means.
 */
import { canonicalIp } from '../api/ip.ts';
import { type Cidr, type IpAddress, familyOf, parseCidr, parseIp } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import {
  type Parser,
  Place,
  byDefault,
  integer,
  list,
  object,
  optional,
  required,
  text,
} from '../api/parser.ts';
import { CommandError, type Run } from './run.ts';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `vxlan`, `wireguard`, `veth`; absent for a device of hardware or the loopback. */
  readonly kind?: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly mac?: string;
  readonly alias?: string;
  /** Of a VXLAN. */
  readonly vxlan?: {
    readonly vni?: number;
    readonly local?: string;
    readonly remote?: string;
    readonly device?: string;
    readonly port: number;
    readonly learning: boolean;
  };
}

export interface Address {
  readonly device: string;
  readonly ip: IpAddress;
  readonly prefixLength: number;
  readonly scope: string;
}

export interface Route {
  readonly family: IpFamily;
  readonly destination: Cidr;
  readonly table: number;
  /** `unicast` unless it is `blackhole`, `unreachable` and the like. */
  readonly type: string;
  readonly device?: string;
  readonly via?: IpAddress;
  readonly nexthop?: number;
  readonly source?: IpAddress;
  readonly protocol: number;
  readonly metric: number;
  readonly mtu?: number;
}

export interface Rule {
  readonly family: IpFamily;
  readonly priority: number;
  readonly table: number;
  readonly protocol: number;
  /** Whether it looks at all packets, with no further condition. */
  readonly unconditional: boolean;
}

export interface Nexthop {
  readonly id: number;
  readonly device?: string;
  readonly via?: IpAddress;
  readonly protocol: number;
  readonly onlink: boolean;
}

export interface Neighbour {
  readonly device: string;
  readonly ip: IpAddress;
  readonly mac: string;
  readonly permanent: boolean;
}

/** An entry of a VXLAN's forwarding database: frames to `mac` go to the host `remote`. */
export interface Forwarding {
  readonly device: string;
  readonly mac: string;
  readonly remote: string;
}

const MAX = 1_000_000;
const anyInteger = integer(0, Number.MAX_SAFE_INTEGER);
const words = byDefault<string[]>(() => [], list(text, 100));
/** With -N the tables and protocols are numbers, written as text. */
const numeric: Parser<number> = (value, place) => {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return anyInteger(number, place);
};

const links = list(
  object<{
    ifindex: number;
    ifname: string;
    flags: string[];
    mtu: number;
    address?: string;
    ifalias?: string;
    linkinfo?: { info_kind?: string; info_data?: VxlanData };
  }>({
    ifindex: required(anyInteger),
    ifname: required(text),
    flags: words,
    mtu: required(anyInteger),
    address: optional(text),
    ifalias: optional(text),
    linkinfo: optional(
      object<{ info_kind?: string; info_data?: VxlanData }>({
        info_kind: optional(text),
        // Other kinds have other fields of these names: only a VXLAN's are looked at, below.
        info_data: optional((value) => (typeof value === 'object' ? (value as VxlanData) : undefined)),
      }),
    ),
  }),
  MAX,
);

interface VxlanData {
  id?: unknown;
  local?: unknown;
  local6?: unknown;
  remote?: unknown;
  remote6?: unknown;
  link?: unknown;
  port?: unknown;
  learning?: unknown;
}

const addresses = list(
  object<{
    ifname?: string;
    addr_info: { family: string; local: string; prefixlen: number; scope?: string }[];
  }>({
    ifname: optional(text),
    addr_info: byDefault(
      () => [],
      list(
        object<{ family: string; local: string; prefixlen: number; scope?: string }>({
          family: required(text),
          local: byDefault(() => '', text),
          prefixlen: byDefault(() => 0, integer(0, 128)),
          scope: optional(text),
        }),
        MAX,
      ),
    ),
  }),
  MAX,
);

const routes = list(
  object<{
    dst: string;
    type?: string;
    dev?: string;
    gateway?: string;
    via?: { host?: string };
    nhid?: number;
    prefsrc?: string;
    protocol?: number;
    metric?: number;
    table?: number;
    metrics?: { mtu?: number }[];
  }>({
    dst: required(text),
    type: optional(text),
    dev: optional(text),
    gateway: optional(text),
    via: optional(object<{ host?: string }>({ host: optional(text) })),
    nhid: optional(numeric),
    prefsrc: optional(text),
    protocol: optional(numeric),
    metric: optional(numeric),
    table: optional(numeric),
    metrics: optional(list(object<{ mtu?: number }>({ mtu: optional(anyInteger) }), 100)),
  }),
  MAX,
);

const rules = list(
  object<{
    priority: number;
    src?: string;
    dst?: string;
    table?: number;
    protocol?: number;
    action?: string;
    fwmark?: string;
    iif?: string;
    oif?: string;
    not?: unknown;
    suppress_prefixlen?: unknown;
  }>({
    priority: required(numeric),
    src: optional(text),
    dst: optional(text),
    table: optional(numeric),
    protocol: optional(numeric),
    action: optional(text),
    fwmark: optional(text),
    iif: optional(text),
    oif: optional(text),
    not: optional((value) => value ?? true),
    suppress_prefixlen: optional((value) => value),
  }),
  MAX,
);

const nexthops = list(
  object<{
    id: number;
    dev?: string;
    gateway?: string;
    protocol?: number;
    flags: string[];
  }>({
    id: required(numeric),
    dev: optional(text),
    gateway: optional(text),
    protocol: optional(numeric),
    flags: words,
  }),
  MAX,
);

const neighbours = list(
  object<{ dst: string; dev?: string; lladdr?: string; state: string[] }>({
    dst: required(text),
    dev: optional(text),
    lladdr: optional(text),
    state: words,
  }),
  MAX,
);

const forwardings = list(
  object<{ mac: string; ifname?: string; dst?: string }>({
    mac: required(text),
    ifname: optional(text),
    dst: optional(text),
  }),
  MAX,
);

/** @throws Error that names the command and what is wrong with its output */
function parsed<T>(parse: Parser<T>, command: string, output: string): T {
  const place = new Place();
  let value: unknown;
  try {
    // `ip` writes nothing at all for an empty list in some versions.
    value = output.trim() === '' ? [] : JSON.parse(output);
  } catch (cause) {
    throw new Error(`"${command}" did not write JSON: ${(cause as Error).message}`, { cause });
  }
  // It writes {} for what it filtered out.
  if (Array.isArray(value)) value = value.filter((item) => Object.keys((item ?? {}) as object).length > 0);
  const result = parse(value, place);
  if (result === undefined)
    throw new Error(`"${command}" wrote what is not known: ${place.problems.join('; ')}`);
  return result;
}

const FLAG: Readonly<Record<IpFamily, string>> = { IPv4: '-4', IPv6: '-6' };

/** @param output of `ip -json -N -details link show` */
const parseLinks = (output: string): Link[] =>
  parsed(links, 'ip link', output).map(({ ifindex, ifname, flags, mtu, address, ifalias, linkinfo }) => ({
    index: ifindex,
    name: ifname,
    mtu,
    up: flags.includes('UP'),
    ...(address !== undefined && { mac: address }),
    ...(ifalias !== undefined && { alias: ifalias }),
    ...(linkinfo?.info_kind !== undefined && { kind: linkinfo.info_kind }),
    ...(linkinfo?.info_kind === 'vxlan' && { vxlan: vxlanOf(linkinfo.info_data ?? {}) }),
  }));

function vxlanOf(data: VxlanData): NonNullable<Link['vxlan']> {
  const ip = (value: unknown): string | undefined =>
    typeof value === 'string' ? canonicalIp(value) : undefined;
  const local = ip(data.local ?? data.local6);
  const remote = ip(data.remote ?? data.remote6);
  return {
    ...(typeof data.id === 'number' && { vni: data.id }),
    ...(local !== undefined && { local }),
    ...(remote !== undefined && { remote }),
    ...(typeof data.link === 'string' && { device: data.link }),
    port: typeof data.port === 'number' ? data.port : 0,
    learning: data.learning === true,
  };
}

/** @param output of `ip -json address show` */
const parseAddresses = (output: string): Address[] =>
  parsed(addresses, 'ip address', output).flatMap(({ ifname = '', addr_info }) =>
    addr_info
      .filter(({ family, local }) => (family === 'inet' || family === 'inet6') && local !== '')
      .map(({ local, prefixlen, scope = 'global' }) => ({
        device: ifname,
        ip: parseIp(local),
        prefixLength: prefixlen,
        scope,
      })),
  );

/** @param output of `ip -json -N -details [-4|-6] route show table …` */
const parseRoutes = (output: string, family: IpFamily, table: number): Route[] =>
  parsed(routes, 'ip route', output).map((route) => {
    const via = route.gateway ?? route.via?.host;
    const mtu = route.metrics?.find((metric) => metric.mtu !== undefined)?.mtu;
    return {
      family,
      destination: destinationOf(route.dst, family),
      table: route.table ?? table,
      type: ROUTE_TYPES[route.type ?? ''] ?? route.type ?? 'unicast',
      ...(route.dev !== undefined && { device: route.dev }),
      ...(via !== undefined && { via: parseIp(via) }),
      ...(route.nhid !== undefined && { nexthop: route.nhid }),
      ...(route.prefsrc !== undefined && { source: parseIp(route.prefsrc) }),
      protocol: route.protocol ?? 0,
      metric: route.metric ?? 0,
      ...(mtu !== undefined && { mtu }),
    };
  });

/** What -N makes of the words (linux/rtnetlink.h). */
const ROUTE_TYPES: Readonly<Record<string, string>> = {
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
  9: 'throw',
};

function destinationOf(text: string, family: IpFamily): Cidr {
  if (text === 'default') return parseCidr(family === 'IPv4' ? '0.0.0.0/0' : '::/0');
  return parseCidr(text.includes('/') ? text : `${text}/${family === 'IPv4' ? 32 : 128}`);
}

/** @param output of `ip -json -N [-4|-6] rule show` */
const parseRules = (output: string, family: IpFamily): Rule[] =>
  parsed(rules, 'ip rule', output).map((rule) => ({
    family,
    priority: rule.priority,
    table: rule.table ?? 0,
    protocol: rule.protocol ?? 0,
    unconditional:
      (rule.src ?? 'all') === 'all' &&
      (rule.dst ?? 'all') === 'all' &&
      [rule.fwmark, rule.iif, rule.oif, rule.not, rule.suppress_prefixlen, rule.action].every(
        (condition) => condition === undefined,
      ),
  }));

/** @param output of `ip -json -N nexthop show` */
const parseNexthops = (output: string): Nexthop[] =>
  parsed(nexthops, 'ip nexthop', output).map(({ id, dev, gateway, protocol, flags }) => ({
    id,
    ...(dev !== undefined && { device: dev }),
    ...(gateway !== undefined && { via: parseIp(gateway) }),
    protocol: protocol ?? 0,
    onlink: flags.includes('onlink'),
  }));

/** @param output of `ip -json neighbour show dev DEVICE` */
export const parseNeighbours = (output: string, device: string): Neighbour[] =>
  parsed(neighbours, 'ip neighbour', output).flatMap(({ dst, dev, lladdr, state }) =>
    lladdr === undefined
      ? []
      : [{ device: dev ?? device, ip: parseIp(dst), mac: lladdr, permanent: state.includes('PERMANENT') }],
  );

/** @param output of `bridge -json fdb show dev DEVICE` */
const parseForwardings = (output: string, device: string): Forwarding[] =>
  parsed(forwardings, 'bridge fdb', output).flatMap(({ mac, ifname, dst }) =>
    dst === undefined ? [] : [{ device: ifname ?? device, mac, remote: canonicalIp(dst) }],
  );

export const readLinks = async (run: Run): Promise<Link[]> =>
  parseLinks(await run('ip', ['-json', '-N', '-details', 'link', 'show']));

export const readAddresses = async (run: Run): Promise<Address[]> =>
  parseAddresses(await run('ip', ['-json', 'address', 'show']));

export async function readRoutes(run: Run, family: IpFamily, table: number): Promise<Route[]> {
  const args = ['-json', '-N', '-details', FLAG[family], 'route', 'show', 'table', String(table)];
  return parseRoutes(await orEmpty(run('ip', args)), family, table);
}

/**
 * The largest packet to an address that the kernel sends in one piece, where a router has told it; undefined
 * where none has, or nothing leads there.
 */
export async function readPathMtu(run: Run, address: IpAddress): Promise<number | undefined> {
  try {
    return parseRoutes(await run('ip', ['-json', '-N', 'route', 'get', address]), familyOf(address), 0)[0]
      ?.mtu;
  } catch (error) {
    if (error instanceof CommandError && error.code === 'command-failed') return undefined;
    throw error;
  }
}

export const readRules = async (run: Run, family: IpFamily): Promise<Rule[]> =>
  parseRules(await orEmpty(run('ip', ['-json', '-N', FLAG[family], 'rule', 'show'])), family);

export const readNexthops = async (run: Run): Promise<Nexthop[]> =>
  parseNexthops(await orEmpty(run('ip', ['-json', '-N', 'nexthop', 'show'])));

export const readNeighbours = async (run: Run, device: string): Promise<Neighbour[]> =>
  parseNeighbours(await orEmpty(run('ip', ['-json', 'neighbour', 'show', 'dev', device])), device);

export const readForwardings = async (run: Run, device: string): Promise<Forwarding[]> =>
  parseForwardings(await orEmpty(run('bridge', ['-json', 'fdb', 'show', 'dev', device])), device);

/** A table, a device or a family that the kernel does not have holds nothing. */
async function orEmpty(output: Promise<string>): Promise<string> {
  try {
    return await output;
  } catch (error) {
    const isAbsent =
      error instanceof CommandError &&
      /FIB table does not exist|Cannot find device|No such device|not supported/i.test(error.stderr);
    if (isAbsent) return '[]';
    throw error;
  }
}
