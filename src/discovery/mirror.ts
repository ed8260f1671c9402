import { createHash } from 'node:crypto';
import type { Endpoint, EndpointSlice } from '../api/objects.ts';
import { byText } from './conflict.ts';
import type { SliceContent } from './export.ts';
import { isRoutable } from './routable.ts';

/** Kubernetes' own default, and a bound on what one pod's change rewrites. */
const MAX_ENDPOINTS = 100;

/** Far more halvings than the largest slice takes, unless endpoints share one address. */
const MAX_HALVINGS = 24;

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * A Service's slices as other clusters may use them: endpoints with addresses that can be routed to, ready
 * or not, and nothing that means something in the own cluster only.
 *
 * Every source slice has mirrors of its own, so a pod's change rewrites one record.
 */
export function mirrorSlices(slices: readonly EndpointSlice[], publishNotReady: boolean): SliceContent[] {
  return slices
    .filter(({ addressType }) => addressType === 'IPv4' || addressType === 'IPv6')
    .flatMap((slice) => {
      // In an order of their own: Kubernetes' controllers keep none, and a new order is no news.
      const endpoints = slice.endpoints
        .flatMap((endpoint) => mirrorEndpoint(endpoint, publishNotReady))
        .sort((a, b) => byText(a.addresses[0] ?? '', b.addresses[0] ?? ''));
      const id = hashOf(slice.metadata.name).toString('hex').slice(0, 10);
      const ports = slice.ports.map(({ name = '', protocol = 'TCP', port, appProtocol }) => ({
        name,
        protocol,
        ...(port === undefined ? {} : { port }),
        ...(appProtocol === undefined ? {} : { appProtocol }),
      }));
      return split(endpoints, '').map(([path, part]) => ({
        suffix: path === '' ? id : `${id}-${path}`,
        addressType: slice.addressType,
        endpoints: part,
        ports,
      }));
    });
}

function mirrorEndpoint(endpoint: Endpoint, publishNotReady: boolean): Endpoint[] {
  const addresses = [...new Set(endpoint.addresses)].filter(isRoutable);
  if (addresses.length === 0) return [];
  const { ready = true, serving, terminating } = endpoint.conditions ?? {};
  const { hostname, zone, targetRef } = endpoint;
  return [
    {
      addresses,
      conditions: {
        ready: ready || publishNotReady,
        ...(serving === undefined ? {} : { serving }),
        ...(terminating === undefined ? {} : { terminating }),
      },
      ...(hostname === undefined ? {} : { hostname }),
      ...(zone === undefined ? {} : { zone }),
      // The pod's name is an alias in DNS; its node and uid mean nothing elsewhere.
      ...(targetRef?.kind === 'Pod' && targetRef.name !== undefined
        ? { targetRef: { kind: 'Pod', name: targetRef.name } }
        : {}),
    },
  ];
}

/**
 * Parts of at most {@link MAX_ENDPOINTS}, halved by the bits of each address's hash: which part an endpoint
 * is in does not depend on its neighbours until a part has to be halved.
 */
function split(endpoints: readonly Endpoint[], path: string): [path: string, part: Endpoint[]][] {
  if (endpoints.length <= MAX_ENDPOINTS || path.length === MAX_HALVINGS) return [[path, [...endpoints]]];
  const halves: [Endpoint[], Endpoint[]] = [[], []];
  for (const endpoint of endpoints) {
    const hash = hashOf(endpoint.addresses[0] ?? '').readUInt32BE();
    halves[(hash >>> path.length) & 1 ? 1 : 0].push(endpoint);
  }
  return [...split(halves[0], `${path}0`), ...split(halves[1], `${path}1`)];
}
