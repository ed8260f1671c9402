import { createHash } from 'node:crypto';
import { type IpAddress, parseIp } from '../api/cidr.ts';
import {
  type DeviceName,
  type LinkAlias,
  type Mac,
  parseAlias,
  parseDevice,
  parseMac,
} from '../host/device.ts';
import { ALIAS_PREFIX } from '../host/marks.ts';
import { CABLE_DEVICE_PREFIX } from './marks.ts';

/** A gateway of the clusterset: a node of a cluster. Both names have passed validation. */
export interface GatewayRef {
  readonly cluster: string;
  /** The node's name. */
  readonly gateway: string;
}

/** `cluster/gateway`, unique in the clusterset. */
export const keyOfGateway = ({ cluster, gateway }: GatewayRef): string => `${cluster}/${gateway}`;

const hash = (...parts: readonly string[]): Buffer => createHash('sha256').update(parts.join('\0')).digest();

/*
 * What two gateways must agree on, both work out by themselves from their names: nothing has to be
 * allocated or told. Hashes of 24 bits may clash; planTunnels() finds that and refuses the later name.
 */

/** Where a gateway is reached inside of tunnels, by probes and as next hop: 241.0.0.0/8, which is nobody's. */
export const innerAddress = (ref: GatewayRef): IpAddress =>
  parseIp(`241.${hash('inner', keyOfGateway(ref)).subarray(0, 3).join('.')}`);

/** Where a gateway's IPsec tunnels begin and end, in 242.0.0.0/8: what goes between two of these is encrypted. */
export const cableAddress = (ref: GatewayRef): IpAddress =>
  parseIp(`242.${hash('inner', keyOfGateway(ref)).subarray(0, 3).join('.')}`);

/** The next hop of IPv6 routes through a gateway: link-local, known by a permanent neighbour entry alone. */
export const innerAddress6 = (ref: GatewayRef): IpAddress => {
  const words = hash('inner', keyOfGateway(ref)).subarray(0, 8).toString('hex').match(/.{4}/g) ?? [];
  return parseIp(`fe80::${words.join(':')}`);
};

/** The VXLAN network of a pair of gateways, whichever of them asks: 1 to 2^24 - 1. */
export function vniOf(a: GatewayRef, b: GatewayRef): number {
  const pair = [keyOfGateway(a), keyOfGateway(b)].sort();
  return hash('vni', ...pair).readUIntBE(0, 3) || 1;
}

/** The Ethernet address of `from`'s end of its tunnel to `to`: locally administered. */
export const macOf = (from: GatewayRef, to: GatewayRef): Mac =>
  parseMac(
    `02:50:${hash('mac', keyOfGateway(from), keyOfGateway(to)).toString('hex', 0, 4).match(/../g)?.join(':')}`,
  );

/** The device of the tunnel to a gateway. */
export const deviceOf = (peer: GatewayRef): DeviceName =>
  parseDevice(`${CABLE_DEVICE_PREFIX}${hash('device', keyOfGateway(peer)).toString('hex', 0, 5)}`);

/** What tells a person, and a later process, whose tunnel a device is. */
export const aliasOf = ({ cluster, gateway }: GatewayRef): LinkAlias =>
  parseAlias(`${ALIAS_PREFIX}tunnel:${cluster}:${gateway}`.slice(0, 255));
