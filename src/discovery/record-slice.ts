/** The EndpointSlices of records on the broker: somebody else's text until it has passed here. */
import type { Endpoint, EndpointPort, EndpointSlice, IpFamily } from '../api/objects.ts';
import { validateEndpointSlice } from '../api/validate.ts';
import { ownerOf } from './labels.ts';
import { isLabelValue, isQualifiedName } from './qualified-name.ts';
import { NO_ADDRESSES, type OwnAddresses } from './own-addresses.ts';
import { type Reading, type Refused, refuse } from './reading.ts';
import { type RecordOwner, sliceSuffix } from './record-name.ts';
import { isRoutable } from './routable.ts';

/** One cluster's endpoints of one service, or some of them. */
export interface RecordSlice extends RecordOwner {
  /** Distinguishes it from the owner's other slices of the service. */
  readonly suffix: string;
  readonly addressType: IpFamily;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly EndpointPort[];
}

/**
 * Reads any object without throwing. What comes out of it any API server takes: it refuses an EndpointSlice
 * as a whole for one endpoint that is wrong.
 *
 * @param own addresses that no other cluster can have
 */
export function readRecordSlice(
  object: EndpointSlice,
  own: OwnAddresses = NO_ADDRESSES,
): Reading<RecordSlice> {
  const owner = ownerOf(object);
  if (owner === undefined) return refuse('misnamed', 'its labels do not say whose record it is');
  const suffix = sliceSuffix(owner, object.metadata.name);
  if (suffix === undefined) return refuse('misnamed', 'its name is not one that its labels ask for');
  const validation = validateEndpointSlice(object);
  if (!validation.ok) return refuse('malformed', validation.problems.join('; '));
  const { addressType, endpoints, ports } = validation.object;
  if (addressType === 'FQDN') return refuse('malformed', 'addressType is "FQDN", must be IPv4 or IPv6');

  const refused: Refused[] = [];
  const taken = endpoints.flatMap((endpoint) => {
    const routable = [...new Set(endpoint.addresses)].filter(isRoutable);
    const addresses = routable.filter((address) => !own.has(address));
    if (addresses.length < routable.length) {
      const astray = routable.filter((address) => own.has(address));
      refused.push({ refusal: 'own-address', why: own.whyOurs(astray) });
    }
    if (addresses.length > 0) return [recordEndpoint(endpoint, addresses)];
    if (routable.length > 0) return [];
    refused.push({ refusal: 'endpoint', why: `no other host can reach ${endpoint.addresses.join(', ')}` });
    return [];
  });
  const portByName = new Map(ports.toReversed().map((port) => [port.name ?? '', port]));
  return {
    value: {
      ...owner,
      suffix,
      addressType,
      endpoints: taken,
      ports: ports.filter((port) => portByName.get(port.name ?? '') === port).map(recordPort),
    },
    refused,
  };
}

function recordEndpoint(endpoint: Endpoint, addresses: string[]): Endpoint {
  const { conditions, hostname, zone, targetRef } = endpoint;
  return {
    addresses,
    ...(conditions === undefined ? {} : { conditions }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(zone !== undefined && isLabelValue(zone) ? { zone } : {}),
    // The pod's name is an alias in DNS. What else is there means something in its own cluster only.
    ...(targetRef?.kind === 'Pod' && targetRef.name !== undefined
      ? { targetRef: { kind: 'Pod', name: targetRef.name } }
      : {}),
  };
}

const recordPort = ({ name = '', protocol = 'TCP', port, appProtocol }: EndpointPort): EndpointPort => ({
  name,
  protocol,
  ...(port === undefined ? {} : { port }),
  ...(appProtocol !== undefined && isQualifiedName(appProtocol) ? { appProtocol } : {}),
});
