/**
 * Clusterset IPs in nftables: maps that say for each port of an address what its connections go to. The rules
 * are the same for one service and ten thousand, and a change of one touches its elements alone.
 */
import { type IpAddress, familyOf } from '../api/cidr.ts';
import type { IpFamily, Protocol } from '../api/objects.ts';
import { NFT_COMMENT } from '../host/marks.ts';
import { type NftText, elements, named, nft, quotedText } from '../host/nft.ts';
import { type Backend, MAX_SLOTS, type VipEntry, backendText } from './service-plan.ts';

/** What the maps hold of all services. */
export interface ServiceState {
  /** Clusterset IPs, also those that nothing stands behind: these are refused at once. */
  readonly vips: ReadonlySet<IpAddress>;
  /** This cluster's own pods that stand behind one. */
  readonly own: ReadonlySet<IpAddress>;
  /** `address protocol port` → entry. */
  readonly entries: ReadonlyMap<string, VipEntry>;
}

export const NO_SERVICES: ServiceState = { vips: new Set(), own: new Set(), entries: new Map() };

export const entryKey = ({ vip, protocol, port }: VipEntry): string => `${vip} ${protocol} ${port}`;

const WORDS = {
  IPv4: { table: nft`ip`, address: nft`ip`, type: nft`ipv4_addr`, icmp: nft`icmp type port-unreachable` },
  IPv6: { table: nft`ip6`, address: nft`ip6`, type: nft`ipv6_addr`, icmp: nft`icmpv6 type port-unreachable` },
} as const;
const PROTOCOL: Readonly<Record<Protocol, NftText>> = { TCP: nft`tcp`, UDP: nft`udp`, SCTP: nft`sctp` };

/** "phar": the same client gets the same backend on every node. */
const HASH_SEED = 0x70_68_61_72;

const shape = (slots: number, affinity: boolean): NftText => named(`ph_${affinity ? 'h' : 'n'}${slots}`);

/** Table, chains and empty maps of one family, in place of what was there. */
export function serviceTable(family: IpFamily): NftText {
  const { table, address, type, icmp } = WORDS[family];
  const key = nft`${address} daddr . meta l4proto . th dport`;
  const counts = Array.from({ length: MAX_SLOTS }, (_, i) => i + 1);
  const chains = counts.map(
    (slots) => nft`  chain ${shape(slots, false)} {
    dnat ${address} to ${key} . numgen random mod ${slots} map @ph_backends
  }
  chain ${shape(slots, true)} {
    dnat ${address} to ${key} . jhash ${address} saddr mod ${slots} seed ${HASH_SEED} map @ph_backends
  }`,
  );
  return nft`
add table ${table} pharos
delete table ${table} pharos
table ${table} pharos {
  comment ${quotedText(NFT_COMMENT)}
  set ph_vips {
    type ${type}
  }
  set ph_own {
    type ${type} . ${type}
  }
  map ph_backends {
    typeof ${key} . numgen random mod ${MAX_SLOTS} : ${address} daddr . th dport
  }
${chains}
  map ph_shapes {
    type ${type} . inet_proto . inet_service : verdict
  }
  chain ph_dnat {
    ${key} vmap @ph_shapes
  }
  chain ph_pre {
    type nat hook prerouting priority -110; policy accept;
    ${address} daddr @ph_vips meta l4proto { tcp, udp, sctp } jump ph_dnat
  }
  chain ph_out {
    type nat hook output priority -110; policy accept;
    ${address} daddr @ph_vips meta l4proto { tcp, udp, sctp } jump ph_dnat
  }
  chain ph_post {
    type nat hook postrouting priority 90; policy accept;
    ${address} saddr . ${address} daddr @ph_own masquerade
  }
  chain ph_refuse {
    meta l4proto tcp reject with tcp reset
    reject with ${icmp}
  }
  chain ph_refuse_forward {
    type filter hook forward priority -10; policy accept;
    ${address} daddr @ph_vips jump ph_refuse
  }
  chain ph_refuse_output {
    type filter hook output priority -10; policy accept;
    ${address} daddr @ph_vips jump ph_refuse
  }
}`;
}

/**
 * What has to be told to nft to get from one state to the other; undefined where nothing has.
 * @param keys of entries that may differ: among ten thousand it matters not to look at all
 */
export function serviceChange(
  before: ServiceState,
  after: ServiceState,
  keys: Iterable<string> = new Set([...before.entries.keys(), ...after.entries.keys()]),
): NftText | undefined {
  const pairs = [...keys].flatMap((key): Pair[] => {
    const [old, entry] = [before.entries.get(key), after.entries.get(key)];
    return old === entry ? [] : [{ old, entry }];
  });
  const changes = (['IPv4', 'IPv6'] as const).flatMap((family) => familyChange(family, before, after, pairs));
  return changes.length === 0 ? undefined : nft`${changes}`;
}

/** What an entry was and is; not both absent. */
interface Pair {
  readonly old: VipEntry | undefined;
  readonly entry: VipEntry | undefined;
}

/** Elements that leave a map and that come into it. */
class MapChange {
  readonly gone: NftText[] = [];
  readonly come: NftText[] = [];
}

function familyChange(
  family: IpFamily,
  before: ServiceState,
  after: ServiceState,
  pairs: readonly Pair[],
): NftText[] {
  const is = (ip: IpAddress): boolean => familyOf(ip) === family;
  const [vips, own, shapes, backends] = [new MapChange(), new MapChange(), new MapChange(), new MapChange()];
  addressChange(vips, before.vips, after.vips, is, (ip) => nft`${ip}`);
  addressChange(own, before.own, after.own, is, (ip) => nft`${ip} . ${ip}`);
  for (const { old, entry } of pairs) {
    const vip = (entry ?? old)?.vip;
    if (vip !== undefined && is(vip)) entryChange(old, entry, shapes, backends);
  }
  const { table } = WORDS[family];
  const parts = { ph_backends: backends, ph_shapes: shapes, ph_own: own, ph_vips: vips };
  const say = (verb: NftText, which: 'gone' | 'come'): NftText[] =>
    Object.entries(parts).flatMap(([name, part]) =>
      part[which].length === 0
        ? []
        : [nft`${verb} element ${table} pharos ${named(name)} { ${elements(part[which])} }`],
    );
  return [...say(nft`delete`, 'gone'), ...say(nft`add`, 'come')];
}

function addressChange(
  change: MapChange,
  before: ReadonlySet<IpAddress>,
  after: ReadonlySet<IpAddress>,
  is: (ip: IpAddress) => boolean,
  text: (ip: IpAddress) => NftText,
): void {
  if (before === after) return;
  for (const ip of before) if (is(ip) && !after.has(ip)) change.gone.push(text(ip));
  for (const ip of after) if (is(ip) && !before.has(ip)) change.come.push(text(ip));
}

function entryChange(
  old: VipEntry | undefined,
  entry: VipEntry | undefined,
  shapes: MapChange,
  backends: MapChange,
): void {
  const given = entry ?? old;
  if (given === undefined) return;
  const key = nft`${given.vip} . ${PROTOCOL[given.protocol]} . ${given.port}`;
  const [left, right] = [old?.slots ?? [], entry?.slots ?? []];
  const isReshaped = left.length !== right.length || old?.affinity !== entry?.affinity;
  if (isReshaped && left.length > 0) shapes.gone.push(key);
  if (isReshaped && right.length > 0) {
    shapes.come.push(nft`${key} : goto ${shape(right.length, entry?.affinity === true)}`);
  }
  for (let slot = 0; slot < Math.max(left.length, right.length); slot++) {
    const [from, to] = [left[slot], right[slot]];
    if (from !== undefined && to !== undefined && backendText(from) === backendText(to)) continue;
    if (from !== undefined) backends.gone.push(nft`${key} . ${slot}`);
    if (to !== undefined) backends.come.push(nft`${key} . ${slot} : ${target(to)}`);
  }
}

const target = ({ ip, port }: Backend): NftText => nft`${ip} . ${port}`;
