/** Which networks a cluster's pods and Services have, by what the cluster says of itself. Pure. */
import { parse } from 'yaml';
import { type Cidr, cidrOrNone, contains } from '../../api/cidr.ts';
import type { ConfigMap } from '../../api/administration.ts';
import type { KubeObject, Node } from '../../api/objects.ts';

/** networking.k8s.io: where Services get their addresses from; since Kubernetes 1.33, and 1.31 as an option. */
export interface ServiceCidr extends KubeObject {
  kind: 'ServiceCIDR';
  spec: { cidrs: string[] };
}

/** crd.projectcalico.org */
export interface IpPool extends KubeObject {
  kind: 'IPPool';
  spec: { cidr: string; disabled?: boolean };
}

/** What was read; undefined or empty where the cluster has no such thing. */
export interface NetworkSources {
  readonly nodes: readonly Node[];
  readonly ipPools: readonly IpPool[];
  /** kube-system/cilium-config */
  readonly cilium: ConfigMap | undefined;
  /** kube-flannel/kube-flannel-cfg */
  readonly flannel: ConfigMap | undefined;
  /** kube-system/kubeadm-config */
  readonly kubeadm: ConfigMap | undefined;
  /** kube-system/kube-proxy */
  readonly kubeProxy: ConfigMap | undefined;
  readonly serviceCidrs: readonly ServiceCidr[];
  /** Why the API server refused Services with addresses that no cluster gives out: it tells the range. */
  readonly serviceObjections: readonly string[];
}

export type Networks =
  | {
      readonly is: 'found';
      readonly networks: readonly Cidr[];
      /** Who said so, for people. */
      readonly source: string;
      /** What makes it less than certain. */
      readonly doubts: readonly string[];
    }
  | { readonly is: 'unknown'; readonly reason: string };

export const networksOf = (networks: Networks): readonly Cidr[] =>
  networks.is === 'found' ? networks.networks : [];

/** @param given what the operator says, which nothing overrules */
export function podNetworks(sources: NetworkSources, given: readonly Cidr[]): Networks {
  const ofNodes = cidrs(
    sources.nodes.flatMap(
      ({ spec }) => spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]),
    ),
  );
  if (given.length > 0) return { is: 'found', networks: given, source: '--pod-cidr', doubts: [] };
  // Who gives out the addresses knows best; what kubeadm was told is what he was told, mostly.
  const candidates: readonly (readonly [source: string, networks: readonly Cidr[]])[] = [
    [
      'Calico’s IPPools',
      cidrs(sources.ipPools.flatMap(({ spec }) => (spec.disabled === true ? [] : spec.cidr))),
    ],
    ['ConfigMap kube-system/cilium-config', ciliumNetworks(sources.cilium)],
    ['ConfigMap kube-flannel/kube-flannel-cfg', flannelNetworks(sources.flannel)],
    ['ConfigMap kube-system/kubeadm-config', kubeadmNetworks(sources.kubeadm, 'podSubnet')],
    [
      'ConfigMap kube-system/kube-proxy',
      commaSeparated(yamlOf(sources.kubeProxy?.data?.['config.conf'])?.['clusterCIDR']),
    ],
  ];
  const [source, networks] = candidates.find((candidate) => candidate[1].length > 0) ?? [undefined, []];
  if (source !== undefined) {
    const outside = source.startsWith('Calico')
      ? [] // It does not use the nodes' networks.
      : ofNodes.filter((cidr) => !networks.some((network) => contains(network, cidr)));
    return {
      is: 'found',
      networks,
      source,
      doubts:
        outside.length === 0 ? [] : [`nodes have ${outside.join(', ')}, which is not in it: give --pod-cidr`],
    };
  }
  if (ofNodes.length > 0) {
    return {
      is: 'found',
      networks: ofNodes,
      source: 'spec.podCIDRs of the nodes',
      doubts: ['nodes that come later are not in it: give the whole network as --pod-cidr'],
    };
  }
  return { is: 'unknown', reason: 'neither the nodes nor a CNI that is known here say it: give --pod-cidr' };
}

/** @param given what the operator says, which nothing overrules */
export function serviceNetworks(sources: NetworkSources, given: readonly Cidr[]): Networks {
  const candidates: readonly (readonly [source: string, networks: readonly Cidr[]])[] = [
    ['--service-cidr', given],
    [
      `ServiceCIDR ${sources.serviceCidrs.map(({ metadata }) => metadata.name).join(', ')}`,
      cidrs(sources.serviceCidrs.flatMap(({ spec }) => spec.cidrs)),
    ],
    ['ConfigMap kube-system/kubeadm-config', kubeadmNetworks(sources.kubeadm, 'serviceSubnet')],
    ['the API server’s word on an address out of range', cidrs(sources.serviceObjections.flatMap(rangesIn))],
  ];
  const [source, networks] = candidates.find((candidate) => candidate[1].length > 0) ?? [undefined, []];
  return source === undefined
    ? { is: 'unknown', reason: 'the API server does not say it: give --service-cidr' }
    : { is: 'found', networks, source, doubts: [] };
}

/** `… The range of valid IPs is 10.96.0.0/12`: as kube-apiserver words it where it has one range. */
const rangesIn = (objection: string): string[] =>
  [...objection.matchAll(/range of valid IPs is ([0-9a-fA-F.:]+\/\d+)/g)].map((match) => match[1] ?? '');

/** Only where Cilium gives out the addresses, rather than Kubernetes or a cloud. */
function ciliumNetworks(config: ConfigMap | undefined): Cidr[] {
  const { ipam, ...data } = config?.data ?? {};
  if (ipam !== 'cluster-pool') return [];
  return ['cluster-pool-ipv4-cidr', 'cluster-pool-ipv6-cidr'].flatMap((key) =>
    cidrs((data[key] ?? '').split(/[\s,]+/)),
  );
}

function flannelNetworks(config: ConfigMap | undefined): Cidr[] {
  const network = yamlOf(config?.data?.['net-conf.json']);
  return ['Network', 'IPv6Network'].flatMap((key) => commaSeparated(network?.[key]));
}

function kubeadmNetworks(config: ConfigMap | undefined, key: 'podSubnet' | 'serviceSubnet'): Cidr[] {
  const networking = yamlOf(config?.data?.['ClusterConfiguration'])?.['networking'];
  return isRecord(networking) ? commaSeparated(networking[key]) : [];
}

/** Of a text that is a mapping; JSON is YAML. */
function yamlOf(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = parse(text ?? '');
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const commaSeparated = (value: unknown): Cidr[] => (typeof value === 'string' ? cidrs(value.split(',')) : []);

/** What of it are networks, each once. Somebody else's files: what is none is passed over. */
const cidrs = (texts: readonly string[]): Cidr[] => [
  ...new Set(texts.flatMap((text) => cidrOrNone(text.trim()))),
];
