/**
 * Objects that others wrote - users, other clusters, other controllers - become typed objects only by
 * passing here. Nothing but the fields of {@link ./objects.ts} comes through.
 */
import { parseCidr } from './cidr.ts';
import { isDnsLabel } from './identity.ts';
import { ipFamily } from './ip.ts';
import { type Kind, Kinds } from './kinds.ts';
import type { ConfigMap } from './administration.ts';
import type {
  Condition,
  Endpoint,
  EndpointPort,
  EndpointSlice,
  IpFamily,
  KubeObject,
  Namespace,
  Node,
  ObjectMeta,
  Protocol,
  Service,
  ServiceExport,
  ServiceImport,
  ServicePort,
  SessionAffinityConfig,
} from './objects.ts';
import type {
  CableDriverName,
  Cluster,
  Connection,
  Gateway,
  RecordStatus,
  RefusedRecord,
  TunnelEndpoint,
} from './tunnel.ts';
import {
  byDefault,
  flag,
  integer,
  list,
  number,
  object,
  oneOf,
  optional,
  optionalText,
  type Parser,
  Place,
  required,
  text,
  texts,
  textThat,
} from './parser.ts';

export type Validation<T> =
  | { readonly ok: true; readonly object: T }
  /** One line each, such as `spec.clusterIP is "10.0.0", must be an IP address or None`. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Limits of the Kubernetes API (discovery.k8s.io/v1), and wide ones of ours where it has none. */
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_ENDPOINT_PORTS = 20_000;
const MAX_LIST = 10_000;
const MAX_AFFINITY_SECONDS = 86_400;
const MAX_NETWORKS = 64;
const MAX_KEYS = 4;

const dnsLabel = textThat('a DNS label: 1 to 63 of a-z, 0-9 and "-", not "-" at either end', isDnsLabel);
const isSubdomain = (name: string): boolean => name.length <= 253 && name.split('.').every(isDnsLabel);
const subdomain = textThat('DNS labels with dots between, at most 253 characters', isSubdomain);
const isIp = (address: string): boolean => ipFamily(address) !== undefined;
const ip = textThat('an IP address', isIp);
const ipOrNone = textThat('an IP address or None', (address) => address === 'None' || isIp(address));
const isCidr = (network: string): boolean => {
  try {
    return parseCidr(network) !== undefined;
  } catch {
    return false;
  }
};
const cidr = textThat('a network such as 10.1.0.0/16, with no bit set after its length', isCidr);
const ipOf = (family: IpFamily): Parser<string> =>
  textThat(`an ${family} address`, (address) => ipFamily(address) === family);
const dnsName = textThat('a DNS name', (name) => isSubdomain(name.replace(/\.$/, '').toLowerCase()));
const time = textThat(
  'an RFC 3339 time such as 2026-01-31T12:00:00Z',
  (moment) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(moment) &&
    !Number.isNaN(Date.parse(moment)),
);
const count = integer(0, Number.MAX_SAFE_INTEGER);
const port = integer(1, 65_535);
const families = list(oneOf<IpFamily>('IPv4', 'IPv6'), 2);
const protocol = byDefault<Protocol>(() => 'TCP', oneOf('TCP', 'UDP', 'SCTP'));

const conditions = list(
  object<Condition>({
    type: required(text),
    status: required(oneOf('True', 'False', 'Unknown')),
    reason: required(text),
    message: byDefault(() => '', text),
    lastTransitionTime: required(time),
    observedGeneration: optional(count),
  }),
  MAX_LIST,
);

const servicePorts = list(
  object<ServicePort>({
    name: optionalText(dnsLabel),
    protocol,
    appProtocol: optionalText(text),
    port: required(port),
  }),
  MAX_LIST,
);

const sessionAffinity = optionalText(oneOf('None', 'ClientIP'));
const sessionAffinityConfig = optional(
  object<SessionAffinityConfig>({
    clientIP: optional(
      object<{ timeoutSeconds?: number }>({ timeoutSeconds: optional(integer(1, MAX_AFFINITY_SECONDS)) }),
    ),
  }),
);

/** The parts that all kinds have; `name` says what the kind's names look like. */
function base<T extends KubeObject>(kind: Kind<T>, name: Parser<string>) {
  const metadata = object<ObjectMeta>({
    name: required(name),
    namespace: kind.namespaced ? required(dnsLabel) : optional(dnsLabel),
    uid: optionalText(text),
    resourceVersion: optionalText(text),
    generation: optional(count),
    creationTimestamp: optional(time),
    deletionTimestamp: optional(time),
    labels: optional(texts),
    annotations: optional(texts),
  });
  return {
    apiVersion: required(oneOf(kind.apiVersion)),
    kind: required(oneOf<T['kind']>(kind.kind)),
    metadata: required(metadata),
  };
}

const whole =
  <T extends KubeObject>(parse: Parser<T>) =>
  (value: unknown): Validation<T> => {
    const place = new Place();
    const parsed = parse(value, place);
    return parsed === undefined ? { ok: false, problems: place.problems } : { ok: true, object: parsed };
  };

export const validateNamespace = whole(object<Namespace>(base(Kinds.Namespace, dnsLabel)));

export const validateNode = whole(
  object<Node>({
    ...base(Kinds.Node, subdomain),
    spec: optional(
      object<NonNullable<Node['spec']>>({
        podCIDR: optionalText(text),
        podCIDRs: optional(list(text, 2)),
      }),
    ),
    status: optional(
      object<NonNullable<Node['status']>>({
        addresses: optional(
          list(
            object<{ type: string; address: string }>({ type: required(text), address: required(text) }),
            MAX_ADDRESSES,
          ),
        ),
      }),
    ),
  }),
);

export const validateService = whole(
  object<Service>({
    ...base(Kinds.Service, dnsLabel),
    spec: required(
      object<Service['spec']>({
        type: optional(oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName')),
        clusterIP: optionalText(ipOrNone),
        clusterIPs: optional(list(ipOrNone, 2)),
        ipFamilies: optional(families),
        ports: optional(servicePorts),
        sessionAffinity,
        sessionAffinityConfig,
        internalTrafficPolicy: optionalText(text),
        trafficDistribution: optionalText(text),
        publishNotReadyAddresses: optional(flag),
      }),
    ),
  }),
);

const addressTypes = oneOf('IPv4', 'IPv6', 'FQDN');

function endpointSlice(address: Parser<string>) {
  const endpoint = object<Endpoint>({
    addresses: required(list(address, MAX_ADDRESSES, 1)),
    conditions: optional(
      object<NonNullable<Endpoint['conditions']>>({
        ready: optional(flag),
        serving: optional(flag),
        terminating: optional(flag),
      }),
    ),
    hostname: optionalText(dnsLabel),
    nodeName: optionalText(text),
    zone: optionalText(text),
    targetRef: optional(
      object<NonNullable<Endpoint['targetRef']>>({
        kind: optionalText(text),
        name: optionalText(text),
        namespace: optionalText(text),
      }),
    ),
  });
  const endpointPort = object<EndpointPort>({
    name: optionalText(dnsLabel),
    protocol,
    port: optional(port),
    appProtocol: optionalText(text),
  });
  return object<EndpointSlice>({
    ...base(Kinds.EndpointSlice, subdomain),
    addressType: required(addressTypes),
    // The API server writes an empty list as null.
    endpoints: byDefault(() => [], list(endpoint, MAX_ENDPOINTS)),
    ports: byDefault(() => [], list(endpointPort, MAX_ENDPOINT_PORTS)),
  });
}

const slices = {
  IPv4: endpointSlice(ipOf('IPv4')),
  IPv6: endpointSlice(ipOf('IPv6')),
  FQDN: endpointSlice(dnsName),
};
/** What an address must be depends on the slice's `addressType`. */
export const validateEndpointSlice = whole<EndpointSlice>((value, place) => {
  const type = typeof value === 'object' && value !== null && 'addressType' in value && value.addressType;
  return type === 'IPv6' || type === 'FQDN' ? slices[type](value, place) : slices.IPv4(value, place);
});

export const validateServiceExport = whole(
  object<ServiceExport>({
    ...base(Kinds.ServiceExport, dnsLabel),
    spec: optional(
      object<NonNullable<ServiceExport['spec']>>({
        exportedLabels: optional(texts),
        exportedAnnotations: optional(texts),
      }),
    ),
    status: optional(object<NonNullable<ServiceExport['status']>>({ conditions: optional(conditions) })),
  }),
);

export const validateServiceImport = whole(
  object<ServiceImport>({
    // In a member it has its service's name, on the broker SERVICE.NAMESPACE.CLUSTER.
    ...base(Kinds.ServiceImport, subdomain),
    spec: required(
      object<ServiceImport['spec']>({
        type: required(oneOf('ClusterSetIP', 'Headless')),
        ports: byDefault(() => [], servicePorts),
        ips: optional(list(ip, 2)),
        ipFamilies: optional(families),
        sessionAffinity,
        sessionAffinityConfig,
        internalTrafficPolicy: optionalText(text),
        trafficDistribution: optionalText(text),
      }),
    ),
    status: optional(
      object<NonNullable<ServiceImport['status']>>({
        endpointSliceObjects: optionalText(oneOf('Present', 'Absent')),
        clusters: optional(list(object<{ cluster: string }>({ cluster: required(dnsLabel) }), MAX_LIST)),
        conditions: optional(conditions),
      }),
    ),
  }),
);

const networks = list(cidr, MAX_NETWORKS);
const driver = oneOf<CableDriverName>('ipsec', 'wireguard', 'vxlan');
const recordStatus = optional(object<RecordStatus>({ conditions: optional(conditions) }));

export const validateCluster = whole(
  object<Cluster>({
    ...base(Kinds.Cluster, dnsLabel),
    spec: required(
      object<Cluster['spec']>({
        clusterId: required(dnsLabel),
        podCIDRs: required(networks),
        serviceCIDRs: required(networks),
        clustersetCIDRs: optional(networks),
        version: optionalText(textThat('at most 64 characters', (version) => version.length <= 64)),
      }),
    ),
    status: recordStatus,
  }),
);

const key = textThat(
  'a key in Base64',
  (encoded) =>
    encoded.length <= 128 && /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded),
);

/** Whether a key is one of the driver's kind is for the driver to say. */
export const validateTunnelEndpoint = whole(
  object<TunnelEndpoint>({
    ...base(Kinds.TunnelEndpoint, subdomain),
    spec: required(
      object<TunnelEndpoint['spec']>({
        clusterId: required(dnsLabel),
        gateway: required(subdomain),
        driver: required(driver),
        privateIP: required(ip),
        publicIP: optionalText(ip),
        port: required(port),
        publicKeys: required(list(key, MAX_KEYS)),
        nat: optional(flag),
        mtu: optional(integer(576, 65_535)),
        leaseEpoch: required(count),
        preferred: required(flag),
        heartbeat: required(time),
      }),
    ),
    status: recordStatus,
  }),
);

export const validateGateway = whole(
  object<Gateway>({
    ...base(Kinds.Gateway, subdomain),
    status: optional(
      object<NonNullable<Gateway['status']>>({
        haStatus: optionalText(oneOf('active', 'passive')),
        nodeIP: optionalText(ip),
        leaseEpoch: optional(count),
        heartbeat: optional(time),
        connections: optional(
          list(
            object<Connection>({
              cluster: required(dnsLabel),
              gateway: optionalText(subdomain),
              driver: optionalText(driver),
              state: required(oneOf('connecting', 'connected', 'degraded', 'error')),
              reason: optionalText(text),
              since: optional(time),
              roundTripMs: optional(number(0, Number.MAX_VALUE)),
              jitterMs: optional(number(0, Number.MAX_VALUE)),
              loss: optional(number(0, 1)),
              mtu: optional(integer(0, 65_535)),
              device: optionalText(text),
            }),
            MAX_LIST,
          ),
        ),
        refused: optional(
          list(
            object<RefusedRecord>({
              record: required(text),
              reason: required(text),
              message: required(text),
            }),
            MAX_LIST,
          ),
        ),
      }),
    ),
  }),
);

/** Of no meaning by itself: who reads one knows which key to look for. */
export const validateConfigMap = whole(
  object<ConfigMap>({ ...base(Kinds.ConfigMap, subdomain), data: optional(texts) }),
);
