import { BROKER_NAMESPACE, SYSTEM_NAMESPACE } from '../../api/names.ts';
import type { CommandSpec } from '../flag.ts';
import { brokerKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';
import {
  clusterIdFlag,
  clustersetCidrFlag,
  clustersetIpsFlag,
  configFlag,
  kubeconfigFlag,
  logFlags,
  metricsListenFlag,
} from '../shared-flags.ts';
import { cidr, clusterId, leaseDuration, longDuration, namespace, oneOf, redisUrl } from '../types.ts';

const ENDPOINTS = ['service', 'pods'] as const;

export const agentSpec = {
  name: 'agent',
  summary: "sync one cluster's exports and imports with the broker",
  description:
    'Publishes the Services that a ServiceExport names to the broker, sets the conditions of the exports, and ' +
    "writes ServiceImports and EndpointSlices for the whole clusterset's services into this cluster. It may be " +
    'restarted or killed at any time.',
  example: {
    command:
      'pharos agent --kubeconfig west.kubeconfig --broker-kubeconfig broker.kubeconfig --cluster-id west',
    effect: 'joins cluster west to the clusterset of that broker until it is stopped',
  },
  operands: {},
  flags: {
    ...kubeconfigFlag,
    ...brokerKubeconfigFlag(
      'Kubeconfig of the broker; without it the one that "pharos join" wrote down, else this cluster itself',
    ),
    ...brokerNamespaceFlag,
    ...clusterIdFlag,
    endpoints: {
      form: 'value',
      help: "What other clusters get of a ClusterSetIP service: its Service IP, or its pods' addresses",
      placeholder: 'WHAT',
      type: oneOf(...ENDPOINTS),
      choices: ENDPOINTS,
      default: 'service',
    },
    'import-from': {
      form: 'list',
      help: 'Clusters to import from; without it all; may be given again',
      placeholder: 'ID',
      type: clusterId,
      default: [],
    },
    'import-namespaces': {
      form: 'list',
      help: 'Namespaces to import into; without it all; may be given again',
      placeholder: 'NAMESPACE',
      type: namespace,
      default: [],
    },
    'deny-namespaces': {
      form: 'list',
      help: 'Namespaces that no other cluster may put a service into; may be given again',
      placeholder: 'NAMESPACE',
      type: namespace,
      default: ['kube-system', 'kube-public', 'kube-node-lease', SYSTEM_NAMESPACE, BROKER_NAMESPACE],
    },
    'own-cidr': {
      form: 'list',
      help: "Network of this cluster's own pods or Services, where no other cluster can have an endpoint; without it what its Cluster object on the broker says; may be given again",
      placeholder: 'CIDR',
      type: cidr,
      default: [],
    },
    'expire-after': {
      form: 'value',
      help: 'Withdraw here what a cluster exports that is silent for so long, until it is back; without it nothing is withdrawn by time',
      placeholder: 'DURATION',
      type: longDuration,
    },
    ...clustersetIpsFlag,
    ...clustersetCidrFlag('Network that clusterset IPs are given out from'),
    publish: {
      form: 'value',
      help: "Redis in which this cluster's ServiceImports, EndpointSlices and Gateways are kept for pharos dns --store",
      placeholder: 'REDIS',
      type: redisUrl,
    },
    'leader-elect': {
      form: 'switch',
      help: 'Work only while holding a Lease in this cluster, so that several replicas may run',
    },
    'lease-namespace': {
      form: 'value',
      help: 'Namespace of that Lease in this cluster',
      placeholder: 'NAMESPACE',
      type: namespace,
      default: 'pharos-system',
    },
    'lease-duration': {
      form: 'value',
      help: 'How long the Lease of a replica that died is respected; one that cannot renew stops after two thirds of it',
      placeholder: 'DURATION',
      type: leaseDuration,
      default: '15s',
    },
    ...metricsListenFlag,
    ...logFlags({ format: 'json', level: 'info' }),
    ...configFlag,
  },
} as const satisfies CommandSpec;
