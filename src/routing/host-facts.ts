import { type Cidr, type IpAddress, contains, familyOf } from '../api/cidr.ts';
import { type DeviceName, hasOurName, isDeviceName } from '../host/device.ts';
import {
  type Address,
  type Link,
  type Route,
  readAddresses,
  readLinks,
  readRoutes,
} from '../host/ip-state.ts';
import type { Run } from '../host/run.ts';
import type { HostFacts } from './facts.ts';

const MAIN_TABLE = 254;
const DEFAULT_MTU = 1500;

/** What the host's own tables say, with nothing of Pharos's in it. */
export interface HostTables {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  /** Of the main table. */
  readonly routes: readonly Route[];
}

export async function readHostTables(run: Run): Promise<HostTables> {
  const [links, addresses, v4, v6] = await Promise.all([
    readLinks(run),
    readAddresses(run),
    readRoutes(run, 'IPv4', MAIN_TABLE),
    readRoutes(run, 'IPv6', MAIN_TABLE),
  ]);
  return { links, addresses, routes: [...v4, ...v6] };
}

/**
 * @param nodeIps this node's addresses
 * @param podCidrs the cluster's pod networks
 */
export function hostFacts(
  { links, addresses, routes }: HostTables,
  nodeIps: readonly IpAddress[],
  podCidrs: readonly Cidr[],
): HostFacts {
  const foreign = ({ device = '' }: { readonly device?: string }): boolean => !hasOurName(device);
  const uplinks = addresses.filter(({ ip }) => nodeIps.includes(ip)).map(({ device }) => device);
  const isPodSide = (ip: IpAddress): boolean => podCidrs.some((cidr) => contains(cidr, ip));
  // Where the CNI sends what is for another node's pods: by a neighbour. Its own pods are on links.
  const toOtherNodes = routes.filter(
    (route) =>
      foreign(route) && route.via !== undefined && podCidrs.some((cidr) => contains(cidr, route.destination)),
  );
  const devices = new Set([...uplinks, ...toOtherNodes.map(({ device = '' }) => device)]);
  const mtus = links.filter(({ name }) => uplinks.includes(name)).map(({ mtu }) => mtu);
  return {
    uplinkMtu: mtus.length === 0 ? DEFAULT_MTU : Math.min(...mtus),
    betweenNodes: [...devices].filter((name): name is DeviceName => isDeviceName(name)).toSorted(),
    podSide: addresses
      .filter((address) => foreign(address) && address.scope === 'global' && isPodSide(address.ip))
      .map(({ ip }) => ip)
      .toSorted(),
    hasIpv6: addresses.some(({ ip }) => familyOf(ip) === 'IPv6'),
  };
}
