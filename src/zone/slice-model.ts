import { isDnsLabel } from '../api/identity.ts';
import { canonicalIp, ipFamily } from '../api/ip.ts';
import { Annotation, Label } from '../api/names.ts';
import type { IpFamily } from '../api/objects.ts';
import { dashedAddress } from './dashed.ts';
import { namedPorts, type NamedPort } from './ports.ts';
import { entry, fields, items, text } from './unchecked.ts';

/** What the zone takes from an EndpointSlice that came from an exporting cluster. */
export interface SliceModel {
  readonly namespace: string;
  readonly service: string;
  readonly cluster: string;
  readonly family: IpFamily;
  readonly publishNotReady: boolean;
  readonly endpoints: readonly EndpointModel[];
}

/** One address of one endpoint. */
export interface EndpointModel {
  /** Canonical. */
  readonly address: string;
  readonly family: IpFamily;
  readonly ready: boolean;
  /** Its own label below the cluster's name: the hostname, or the address with dashes. */
  readonly label: string;
  /** The pod's name, another label for the same. */
  readonly pod: string | undefined;
  readonly ports: readonly NamedPort[];
}

/** Reads an EndpointSlice; answers why not, in words, where it cannot be used. */
export function parseSlice(object: unknown): SliceModel | { readonly rejected: string } {
  const { metadata, addressType, endpoints, ports } = fields(object);
  const { namespace: rawNamespace, name, labels, annotations } = fields(metadata);
  const namespace = text(rawNamespace);
  if (!isDnsLabel(namespace)) return { rejected: 'metadata.namespace is not a DNS label' };
  if (text(name) === '') return { rejected: 'metadata.name is missing' };
  const service = entry(labels, Label.serviceName) ?? '';
  if (!isDnsLabel(service)) return { rejected: `label ${Label.serviceName} is not a DNS label` };
  const cluster = entry(labels, Label.sourceCluster) ?? '';
  if (!isDnsLabel(cluster)) return { rejected: `label ${Label.sourceCluster} is not a DNS label` };
  if (addressType !== 'IPv4' && addressType !== 'IPv6') {
    return { rejected: 'addressType is neither IPv4 nor IPv6' };
  }
  const slicePorts = namedPorts(ports);
  return {
    namespace,
    service,
    cluster,
    family: addressType,
    publishNotReady: entry(annotations, Annotation.publishNotReady) === 'true',
    // What flatMap makes has room to grow, which most of them never need.
    endpoints: [...items(endpoints).flatMap((endpoint) => parseEndpoint(endpoint, addressType, slicePorts))],
  };
}

function parseEndpoint(
  endpoint: unknown,
  family: IpFamily,
  ports: readonly NamedPort[],
): readonly EndpointModel[] {
  const { addresses, conditions, hostname: rawHostname, targetRef } = fields(endpoint);
  const hostname = text(rawHostname);
  const { kind, name } = fields(targetRef);
  const pod = kind === 'Pod' && isDnsLabel(text(name)) ? text(name) : undefined;
  // discovery.k8s.io/v1: an unknown (absent) condition counts as ready.
  const ready = fields(conditions)['ready'] !== false;
  return items(addresses)
    .filter((address): address is string => typeof address === 'string' && ipFamily(address) === family)
    .map((given) => {
      const address = canonicalIp(given);
      const label = isDnsLabel(hostname) ? hostname : dashedAddress(address);
      return { address, family, ready, label, pod, ports };
    });
}
