import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ConfigMap } from '../../../../src/api/administration.ts';
import { parseCidr } from '../../../../src/api/cidr.ts';
import type { Node } from '../../../../src/api/objects.ts';
import {
  type NetworkSources,
  type Networks,
  podNetworks,
  serviceNetworks,
} from '../../../../src/membership/preflight/networks.ts';

const NOTHING: NetworkSources = {
  nodes: [],
  ipPools: [],
  cilium: undefined,
  flannel: undefined,
  kubeadm: undefined,
  kubeProxy: undefined,
  serviceCidrs: [],
  serviceObjections: [],
};
const map = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'any' },
  data,
});
const node = (...podCIDRs: string[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: `node-${podCIDRs.join()}` },
  spec: { podCIDRs },
});
const pool = (cidr: string, disabled = false) =>
  ({
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPPool',
    metadata: { name: 'p' },
    spec: { cidr, disabled },
  }) as const;
const kubeadm = map({
  ClusterConfiguration:
    'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  dnsDomain: cluster.local\n' +
    '  podSubnet: 10.1.0.0/16,fd01::/48\n  serviceSubnet: 10.101.0.0/16\n',
});

/** `10.1.0.0/16 by …`, with doubts behind a `?`. */
const said = (networks: Networks): string =>
  networks.is === 'unknown'
    ? 'unknown'
    : `${networks.networks.join(' ')} by ${networks.source}${networks.doubts.map((doubt) => ` ? ${doubt}`).join('')}`;

suite('the pods’ networks are', () => {
  const cases: Readonly<Record<string, readonly [sources: Partial<NetworkSources>, wanted: string]>> = {
    'both families of kubeadm, with the nodes’ inside': [
      { kubeadm, nodes: [node('10.1.0.0/24', 'fd01:0:0:1::/64'), node('10.1.1.0/24')] },
      '10.1.0.0/16 fd01::/48 by ConfigMap kube-system/kubeadm-config',
    ],
    'kubeadm’s, doubted where a node is outside': [
      { kubeadm, nodes: [node('10.9.0.0/24')] },
      '10.1.0.0/16 fd01::/48 by ConfigMap kube-system/kubeadm-config ? nodes have 10.9.0.0/24, which is not in it: give --pod-cidr',
    ],
    'Calico’s pools in use rather than what kubeadm was told': [
      {
        kubeadm,
        ipPools: [pool('192.168.0.0/16'), pool('172.20.0.0/16', true)],
        nodes: [node('10.1.0.0/24')],
      },
      '192.168.0.0/16 by Calico’s IPPools',
    ],
    'Cilium’s pool': [
      { cilium: map({ ipam: 'cluster-pool', 'cluster-pool-ipv4-cidr': '10.0.0.0/9 10.200.0.0/16' }) },
      '10.0.0.0/9 10.200.0.0/16 by ConfigMap kube-system/cilium-config',
    ],
    'not Cilium’s where Kubernetes gives out the addresses': [
      { cilium: map({ ipam: 'kubernetes', 'cluster-pool-ipv4-cidr': '10.0.0.0/8' }) },
      'unknown',
    ],
    'flannel’s': [
      {
        flannel: map({
          'net-conf.json': '{"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd44::/56"}',
        }),
      },
      '10.244.0.0/16 fd44::/56 by ConfigMap kube-flannel/kube-flannel-cfg',
    ],
    'kube-proxy’s': [
      { kubeProxy: map({ 'config.conf': 'kind: KubeProxyConfiguration\nclusterCIDR: 10.5.0.0/16\n' }) },
      '10.5.0.0/16 by ConfigMap kube-system/kube-proxy',
    ],
    'the nodes’ own where nobody else says it, as on k3s, with a doubt': [
      { nodes: [node('10.42.0.0/24'), node('10.42.1.0/24')] },
      '10.42.0.0/24 10.42.1.0/24 by spec.podCIDRs of the nodes ? nodes that come later are not in it: give the whole network as --pod-cidr',
    ],
    'unknown in a cluster that says nothing': [{}, 'unknown'],
    'unknown where what is said is no YAML, or no network': [
      {
        kubeadm: map({ ClusterConfiguration: '{{' }),
        kubeProxy: map({ 'config.conf': 'clusterCIDR: pods' }),
      },
      'unknown',
    ],
  };
  for (const [what, [sources, wanted]] of Object.entries(cases)) {
    test(what, () => assert.equal(said(podNetworks({ ...NOTHING, ...sources }, [])), wanted));
  }
});

suite('the Services’ networks are', () => {
  const serviceCidr = (name: string, ...cidrs: string[]) =>
    ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name },
      spec: { cidrs },
    }) as const;
  const objection =
    'HTTP 422: Service "pharos-preflight" is invalid: spec.clusterIPs: Invalid value: ["1.1.1.1"]: failed to allocate IP ' +
    '1.1.1.1: the provided IP (1.1.1.1) is not in the valid range. The range of valid IPs is 10.43.0.0/16';
  const cases: Readonly<Record<string, readonly [sources: Partial<NetworkSources>, wanted: string]>> = {
    'those of all ServiceCIDRs': [
      {
        kubeadm,
        serviceCidrs: [
          serviceCidr('kubernetes', '10.96.0.0/16', 'fd96::/108'),
          serviceCidr('more', '10.97.0.0/16'),
        ],
      },
      '10.96.0.0/16 fd96::/108 10.97.0.0/16 by ServiceCIDR kubernetes, more',
    ],
    'what kubeadm was told, on an older Kubernetes': [
      { kubeadm, serviceObjections: [objection] },
      '10.101.0.0/16 by ConfigMap kube-system/kubeadm-config',
    ],
    'what the API server objects with': [
      { serviceObjections: ['no such family', objection] },
      '10.43.0.0/16 by the API server’s word on an address out of range',
    ],
    'unknown where nobody says it': [{ serviceObjections: ['denied by webhook'] }, 'unknown'],
  };
  for (const [what, [sources, wanted]] of Object.entries(cases)) {
    test(what, () => assert.equal(said(serviceNetworks({ ...NOTHING, ...sources }, [])), wanted));
  }
});

test('what the operator says is not overruled', () => {
  const given = [parseCidr('10.77.0.0/16')];
  assert.equal(
    said(podNetworks({ ...NOTHING, kubeadm, nodes: [node('10.1.0.0/24')] }, given)),
    '10.77.0.0/16 by --pod-cidr',
  );
  assert.equal(said(serviceNetworks({ ...NOTHING, kubeadm }, given)), '10.77.0.0/16 by --service-cidr');
});
