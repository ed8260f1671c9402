import { createHash } from 'node:crypto';
import type { Endpoint, EndpointPort, EndpointSlice } from '../api/objects.ts';
import { byText } from './conflict.ts';
import { isRoutable } from './routable.ts';

/** What a record slice holds beside its metadata. */
export interface SliceContent extends Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'> {
  /** Stable part of its name, unique within the service. */
  readonly suffix: string;
}

/** Kubernetes' own default, and a bound on what one pod's change rewrites. */
const MAX_ENDPOINTS = 100;

/** An endpoint, and what tells it from all others of its slice whatever becomes of it. */
interface Identified {
  readonly identity: string;
  readonly endpoint: Endpoint;
}

/**
 * A Service's slices as other clusters may use them: endpoints with addresses that can be routed to, ready
 * or not, and nothing that means something in the own cluster only.
 *
 * Every source slice has mirrors of its own, so a pod's change rewrites one record.
 */
export function mirrorSlices(slices: readonly EndpointSlice[], publishNotReady: boolean): SliceContent[] {
  return slices
    .filter(({ addressType }) => addressType === 'IPv4' || addressType === 'IPv6')
    .flatMap(({ metadata, addressType, endpoints, ports }) => {
      // The address type of a slice cannot be changed, so mirrors of another type need another name.
      const id = hashOf(`${metadata.name} ${addressType}`).toString('hex').slice(0, 10);
      // The API server writes empty lists as null.
      return split(identified(endpoints ?? [], publishNotReady), '').map(([path, part]) => ({
        suffix: path === '' ? id : `${id}-${path}`,
        addressType,
        endpoints: part.map(({ endpoint }) => endpoint),
        ports: (ports ?? []).map(mirrorPort),
      }));
    });
}

/** In an order of their own: Kubernetes' controllers promise none, and a new order is no news. */
function identified(endpoints: readonly Endpoint[], publishNotReady: boolean): Identified[] {
  const byIdentity = new Map<string, Endpoint>();
  for (const given of endpoints) {
    const addresses = given.addresses.filter(isRoutable);
    if (addresses.length === 0) continue;
    const endpoint = mirrorEndpoint(given, addresses, publishNotReady);
    // Pods on the host's network share its address.
    const identity = [addresses[0], endpoint.targetRef?.name, endpoint.hostname].join(' ');
    if (!byIdentity.has(identity)) byIdentity.set(identity, endpoint);
  }
  return [...byIdentity]
    .map(([identity, endpoint]) => ({ identity, endpoint }))
    .sort((a, b) => byText(a.identity, b.identity));
}

function mirrorEndpoint(
  { conditions = {}, hostname, zone, targetRef }: Endpoint,
  addresses: string[],
  publishNotReady: boolean,
): Endpoint {
  const { ready = true, serving, terminating } = conditions;
  return {
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
  };
}

const mirrorPort = ({ name = '', protocol = 'TCP', port, appProtocol }: EndpointPort): EndpointPort => ({
  name,
  protocol,
  ...(port === undefined ? {} : { port }),
  ...(appProtocol === undefined ? {} : { appProtocol }),
});

/**
 * Parts of at most {@link MAX_ENDPOINTS}, halved by the bits of each identity's hash: which part an endpoint
 * is in does not depend on its neighbours until a part has to be halved.
 */
function split(
  endpoints: readonly Identified[],
  path: string,
): [path: string, part: readonly Identified[]][] {
  if (endpoints.length <= MAX_ENDPOINTS) return [[path, endpoints]];
  const halves: [Identified[], Identified[]] = [[], []];
  for (const endpoint of endpoints) {
    // Identities differ, so some bit tells them apart.
    const byte = hashOf(endpoint.identity).readUInt8(path.length >> 3);
    halves[(byte >> (path.length & 7)) & 1 ? 1 : 0].push(endpoint);
  }
  return halves.flatMap((half, bit) => (half.length === 0 ? [] : split(half, `${path}${bit}`)));
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
