/** Services as the API has them, cut down to what the maps need: there may be ten thousand. */
import { ipOrNone, parseIp } from '../api/cidr.ts';
import { Annotation, type ExportSummary, Label } from '../api/names.ts';
import type { EndpointSlice, Protocol, ServiceImport } from '../api/objects.ts';
import { validateEndpointSlice, validateServiceImport } from '../api/validate.ts';
import type { ExportFacts, ImportFacts, PortFacts, SliceFacts } from './service-plan.ts';

/** Undefined for what has no clusterset IP, or is malformed. */
export function importFacts(object: ServiceImport): ImportFacts | undefined {
  const validation = validateServiceImport(object);
  if (!validation.ok) return undefined;
  const { metadata, spec } = validation.object;
  if (spec.type !== 'ClusterSetIP' || spec.ips === undefined || spec.ips.length === 0) return undefined;
  const policy = metadata.annotations?.[Annotation.policy] ?? 'local';
  return {
    key: `${metadata.namespace}/${metadata.name}`,
    ips: spec.ips.map(parseIp),
    ports: spec.ports.map(portFacts),
    affinity: spec.sessionAffinity === 'ClientIP',
    ownFirst: policy === 'local',
    exports: exportsOf(metadata.annotations?.[Annotation.exports]),
  };
}

/** Undefined for what belongs to no service that could be meant. */
export function sliceFacts(object: EndpointSlice): SliceFacts | undefined {
  const { labels = {}, namespace = '' } = object.metadata;
  const cluster = labels[Label.sourceCluster];
  const service = labels[cluster === undefined ? Label.ownServiceName : Label.serviceName];
  if (service === undefined) return undefined;
  const validation = validateEndpointSlice(object);
  if (!validation.ok) return undefined;
  const { addressType, endpoints, ports } = validation.object;
  if (addressType === 'FQDN') return undefined;
  return {
    service: `${namespace}/${service}`,
    cluster,
    family: addressType,
    endpoints: endpoints.flatMap(({ addresses: [address], conditions }) =>
      address === undefined ? [] : [{ ip: parseIp(address), ready: conditions?.ready !== false }],
    ),
    // A port of an EndpointSlice without a number stands for all: no Service has that.
    ports: ports.flatMap(({ port, ...rest }) => (port === undefined ? [] : [portFacts({ ...rest, port })])),
  };
}

const portFacts = ({
  name = '',
  protocol = 'TCP',
  port,
}: {
  name?: string;
  protocol?: Protocol;
  port: number;
}): PortFacts => ({ name, protocol, port });

function exportsOf(text: string | undefined): ExportFacts[] {
  if (text === undefined) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  return (value as Partial<ExportSummary>[]).flatMap(({ cluster, ips, weight = 1 }) =>
    typeof cluster === 'string' && Array.isArray(ips) && Number.isInteger(weight) && weight >= 0
      ? [{ cluster, ips: ips.flatMap((ip) => ipOrNone(String(ip))), weight: Math.min(weight, 1000) }]
      : [],
  );
}
