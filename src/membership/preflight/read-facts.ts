import { type Cidr, cidrOrNone } from '../../api/cidr.ts';
import type { ClusterId } from '../../api/identity.ts';
import { type Kind, Kinds } from '../../api/kinds.ts';
import type { KubeObject, Service } from '../../api/objects.ts';
import type { Access, ServerQuestions } from '../../store/server-questions.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import type { Manifest } from '../manifest.ts';
import { planStub } from '../cluster-dns.ts';
import { isGatewayNode } from '../gateway-nodes.ts';
import { listOrNone } from '../members.ts';
import { Refusal } from '../refusal.ts';
import { reverseZones } from '../reverse-zones.ts';
import { accessInMember, accessOnBroker } from './access.ts';
import type { DnsFacts, MemberNetworks, PreflightFacts, ServerFacts } from './check.ts';
import type { IpPool, NetworkSources, ServiceCidr } from './networks.ts';
import { networksOf, podNetworks, serviceNetworks } from './networks.ts';

type Server = ObjectStore & ServerQuestions;

export interface PreflightRequest {
  readonly cluster: ClusterId;
  readonly brokerNamespace: string;
  /** What will be applied on each side. */
  readonly brokerManifests: readonly Manifest[];
  readonly memberManifests: readonly Manifest[];
  readonly zones: readonly string[];
  /** Of what the operator said; empty = find out. */
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly clustersetCidrs: readonly Cidr[];
  /** Nodes that are to be gateways beside those that are. */
  readonly gatewayNodes: readonly string[];
  readonly wants: PreflightFacts['wants'];
}

/** Looks at both sides. Changes nothing. */
export async function readPreflightFacts(
  { member, broker }: { readonly member: Server; readonly broker: Server },
  request: PreflightRequest,
): Promise<PreflightFacts> {
  const { cluster, brokerNamespace, wants } = request;
  const dnsNamespaces = wants.clusterDns ? ['kube-system'] : [];
  const [ofMember, ofBroker, sources, others] = await Promise.all([
    serverFacts(member, accessInMember(request.memberManifests, dnsNamespaces)),
    serverFacts(broker, accessOnBroker(request.brokerManifests, brokerNamespace)),
    readSources(member),
    readOthers(broker, brokerNamespace, cluster),
  ]);
  const pods = podNetworks(sources, request.podCidrs);
  const services = serviceNetworks(sources, request.serviceCidrs);
  const ranges = {
    own: [...networksOf(pods), ...networksOf(services)],
    clusterset: wants.clustersetIps ? request.clustersetCidrs : [],
    remote: others.flatMap((other) => other.pods),
  };
  const stubZones = [...request.zones, ...(wants.reverseZones ? reverseZones(ranges) : [])];
  const clusterDns = await dnsFacts(member, stubZones);
  return {
    cluster,
    member: ofMember,
    broker: ofBroker,
    pods,
    services,
    stubZones,
    clusterset: request.clustersetCidrs,
    others,
    clusterDns,
    gateways: {
      all: sources.nodes.map(({ metadata }) => metadata.name),
      labelled: sources.nodes.filter(isGatewayNode).map(({ metadata }) => metadata.name),
      given: request.gatewayNodes,
    },
    wants,
  };
}

async function serverFacts(server: Server, needed: readonly Access[]): Promise<ServerFacts> {
  const [version, ...allowed] = await Promise.all([
    server.version(),
    ...needed.map((access) => server.may(access)),
  ]);
  return { location: server.location, version, denied: needed.filter((_, index) => !allowed[index]) };
}

const SERVICE_CIDR_VERSIONS = ['networking.k8s.io/v1', 'networking.k8s.io/v1beta1'];
const IP_POOL: Kind<IpPool> = {
  apiVersion: 'crd.projectcalico.org/v1',
  kind: 'IPPool',
  plural: 'ippools',
  namespaced: false,
};

async function readSources(member: Server): Promise<NetworkSources> {
  const configMap = (namespace: string, name: string) => member.get(Kinds.ConfigMap, { namespace, name });
  const [nodes, ipPools, cilium, flannel, kubeadm, kubeProxy, serviceCidrs, serviceObjections] =
    await Promise.all([
      member.list(Kinds.Node),
      listOrNone(member, IP_POOL, {}),
      configMap('kube-system', 'cilium-config'),
      configMap('kube-flannel', 'kube-flannel-cfg'),
      configMap('kube-system', 'kubeadm-config'),
      configMap('kube-system', 'kube-proxy'),
      readServiceCidrs(member),
      Promise.all(['1.1.1.1', '2001:db8::1'].map((clusterIP) => objectionTo(member, clusterIP))),
    ]);
  return {
    nodes,
    ipPools,
    cilium,
    flannel,
    kubeadm,
    kubeProxy,
    serviceCidrs,
    serviceObjections: serviceObjections.filter((text) => text !== undefined),
  };
}

async function readServiceCidrs(member: Server): Promise<ServiceCidr[]> {
  for (const apiVersion of SERVICE_CIDR_VERSIONS) {
    const kind = { apiVersion, kind: 'ServiceCIDR', plural: 'servicecidrs', namespaced: false } as const;
    const found = await listOrNone<ServiceCidr>(member, kind, {});
    if (found.length > 0) return found;
  }
  return [];
}

/** What the server says to a Service with an address that it does not give out. */
async function objectionTo(member: Server, clusterIP: string): Promise<string | undefined> {
  const service: Service = {
    apiVersion: Kinds.Service.apiVersion,
    kind: 'Service',
    metadata: { name: 'pharos-preflight', namespace: 'default' },
    spec: { clusterIP, ports: [{ port: 53 }] },
  };
  try {
    return await member.objection(Kinds.Service, service);
  } catch (error) {
    // Admission webhooks that are away refuse dry runs; there are other ways to know.
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

async function readOthers(broker: Server, namespace: string, self: ClusterId): Promise<MemberNetworks[]> {
  const records = await listOrNone(broker, Kinds.Cluster, { namespace });
  return records
    .filter(({ metadata }) => metadata.name !== self)
    .map(({ metadata, spec }) => ({
      cluster: metadata.name,
      pods: spec.podCIDRs.flatMap(cidrOrNone),
      services: spec.serviceCIDRs.flatMap(cidrOrNone),
      clusterset: (spec.clustersetCIDRs ?? []).flatMap(cidrOrNone),
    }));
}

const nameOf = ({ kind, metadata: { name, namespace } }: KubeObject): string =>
  `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;

/** Whether the stub domain could be written; its address is not known yet. */
async function dnsFacts(member: Server, zones: readonly string[]): Promise<DnsFacts> {
  try {
    const changes = await planStub(member, { zones, servers: ['Service pharos-system/pharos-dns'] });
    const where = changes.map(({ ref }) => nameOf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref }));
    return { is: 'configurable', where };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { is: 'by-hand', reason: error.message };
  }
}
