import type { Cidr, IpAddress } from '../api/cidr.ts';
import { parseIp } from '../api/cidr.ts';
import type { IpFamily } from '../api/objects.ts';
import { type Mac, parseMac } from '../host/device.ts';
import {
  type Link,
  readAddresses,
  readForwardings,
  readLinks,
  readNeighbours,
  readNexthops,
  readRoutes,
  readRules,
} from '../host/ip-state.ts';
import {
  ALIAS_PREFIX,
  GATEWAY_NEXTHOPS,
  GATEWAY_TABLE,
  INTRA_DEVICE,
  INTRA_PORT,
  INTRA_VNI,
  ROUTE_PROTOCOL,
} from '../host/marks.ts';
import type { Run } from '../host/run.ts';
import type { IntraLink, RouteTarget, RoutingState } from './routing-state.ts';

/** A device that is not Pharos's has the name that Pharos needs. */
class DeviceTakenError extends Error {
  override readonly name = 'DeviceTakenError';
  readonly code = 'device-taken';
}

/**
 * What of this host is the route agent's, by the marks; all else is not seen, so it cannot be touched.
 * @throws DeviceTakenError
 */
export async function readRoutingState(run: Run, families: readonly IpFamily[]): Promise<RoutingState> {
  const link = (await readLinks(run)).find(({ name }) => name === INTRA_DEVICE);
  if (link !== undefined && link.alias?.startsWith(ALIAS_PREFIX) !== true) {
    throw new DeviceTakenError(
      `There is a device "${INTRA_DEVICE}" (${link.kind ?? 'of hardware'}) whose alias is "${link.alias ?? ''}", not "${ALIAS_PREFIX}…": ` +
        `it is not Pharos's; remove or rename it`,
    );
  }
  const [addresses, neighbours, forwardings, nexthops, routes, rules] = await Promise.all([
    link === undefined ? [] : readAddresses(run),
    link === undefined ? [] : readNeighbours(run, INTRA_DEVICE),
    link === undefined ? [] : readForwardings(run, INTRA_DEVICE),
    readNexthops(run),
    Promise.all(families.map((family) => readRoutes(run, family, GATEWAY_TABLE))),
    Promise.all(families.map((family) => readRules(run, family))),
  ]);
  const ours = ({ protocol }: { readonly protocol: number }): boolean => protocol === ROUTE_PROTOCOL;
  return {
    link: link === undefined ? undefined : intraLinkOf(link),
    addresses: new Set(
      addresses
        .filter(({ device, scope }) => device === INTRA_DEVICE && scope !== 'link')
        .map(({ ip }) => ip),
    ),
    neighbours: new Map(
      neighbours.filter(({ permanent }) => permanent).map(({ ip, mac }) => [ip, mac as Mac] as const),
    ),
    forwardings: new Map(forwardings.map(({ mac, remote }) => [mac as Mac, remote as IpAddress] as const)),
    nexthops: new Map(
      nexthops
        .filter((nexthop) => ours(nexthop) && isGatewayNexthop(nexthop.id))
        .map(({ id, via, device }) => [id, (device === INTRA_DEVICE ? via : undefined) ?? NOWHERE] as const),
    ),
    routes: new Map(
      routes
        .flat()
        .filter(ours)
        .map(({ destination, nexthop }): readonly [Cidr, RouteTarget] => [destination, nexthop ?? 'device']),
    ),
    rules: new Set(
      rules
        .flat()
        .filter(
          (rule) =>
            ours(rule) &&
            rule.unconditional &&
            rule.priority === GATEWAY_TABLE &&
            rule.table === GATEWAY_TABLE,
        )
        .map(({ family }) => family),
    ),
  };
}

/** Equal to no gateway: a nexthop of ours that somebody bent elsewhere is put back. */
const NOWHERE = parseIp('0.0.0.0');

const isGatewayNexthop = (id: number): boolean => id >= GATEWAY_NEXTHOPS.first && id <= GATEWAY_NEXTHOPS.last;

/** A link of ours that was changed in what cannot be set afterwards reads as one of another node's: it is remade. */
function intraLinkOf({ vxlan, mac, mtu, up }: Link): IntraLink {
  const isSound = vxlan?.vni === INTRA_VNI && vxlan.port === INTRA_PORT && !vxlan.learning;
  return {
    local: isSound && vxlan.local !== undefined ? parseIp(vxlan.local) : NOWHERE,
    mac: parseMac(mac ?? '00:00:00:00:00:00'),
    mtu,
    up,
  };
}
