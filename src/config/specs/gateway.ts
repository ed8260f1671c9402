import type { CommandSpec } from '../flag.ts';
import { brokerKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';
import {
  cableDriverFlag,
  clusterIdFlag,
  clustersetCidrFlag,
  configFlag,
  kubeconfigFlag,
  logFlags,
  metricsListenFlag,
  sysctlDirFlag,
} from '../shared-flags.ts';
import { cidr, duration, ipAddress, port, text, wholeNumber } from '../types.ts';

export const gatewaySpec = {
  name: 'gateway',
  summary: "keep this node's tunnels to the gateways of all other clusters",
  description:
    'Runs on every node that is to be a gateway, as root in the network of the host. Each keeps a tunnel to each gateway ' +
    'of the other clusters; one of them, elected by a Lease, is preferred. Ending it leaves the tunnels up.',
  example: {
    command:
      'pharos gateway --node gw1 --node-ip 192.0.2.11 --pod-cidr 10.1.0.0/16 --service-cidr 10.101.0.0/16',
    effect: 'joins node gw1 to the tunnels of the clusterset that its cluster is a member of',
  },
  operands: {},
  flags: {
    ...kubeconfigFlag,
    ...brokerKubeconfigFlag('Kubeconfig of the broker; without it the one that "pharos join" wrote down'),
    ...brokerNamespaceFlag,
    ...clusterIdFlag,
    node: {
      form: 'value',
      help: 'Name of the node that this is; without it the name of the host',
      placeholder: 'NAME',
      type: text('the name of a node'),
    },
    'node-ip': {
      form: 'value',
      help: "The node's address in its own network, where tunnels begin",
      placeholder: 'ADDRESS',
      type: ipAddress,
    },
    'public-ip': {
      form: 'value',
      help:
        'How the node is reached from outside, where that is another address; without it the annotation ' +
        'pharos.io/public-ip of the node, or its external address, which are followed',
      placeholder: 'ADDRESS',
      type: ipAddress,
    },
    'behind-nat': {
      form: 'switch',
      help: 'Nobody can reach this node from outside: it is the one that dials',
    },
    'pod-cidr': {
      form: 'list',
      help: "Network of this cluster's pods; may be given again",
      placeholder: 'CIDR',
      type: cidr,
      default: [],
    },
    'service-cidr': {
      form: 'list',
      help: "Network of this cluster's Services; may be given again",
      placeholder: 'CIDR',
      type: cidr,
      default: [],
    },
    ...clustersetCidrFlag("Network of the clusterset's IPs, which no member may have"),
    ...cableDriverFlag,
    'nat-port': {
      form: 'value',
      help: 'UDP port of the tunnels; without it 4500 (ipsec), 51840 (wireguard), 4790 (vxlan)',
      placeholder: 'PORT',
      type: port,
    },
    'rotate-keys-every': {
      form: 'value',
      help: 'Age of a key at which the gateway makes a new one; 0 = only by "pharos gateway rotate-keys"',
      placeholder: 'DURATION',
      type: duration,
      default: '720h',
    },
    'rotate-keys-announce': {
      form: 'value',
      help: 'How long peers have to hear of a new key before it is used; more than news takes by the broker',
      placeholder: 'DURATION',
      type: duration,
      default: '30s',
    },
    'psk-file': {
      form: 'value',
      help: 'File with a pre-shared key, the same in all members, in place of keys of their own (ipsec only)',
      placeholder: 'FILE',
      type: text('a file'),
      completes: 'file',
    },
    'probe-interval': {
      form: 'value',
      help: 'Between two probes through a tunnel',
      placeholder: 'DURATION',
      type: duration,
      default: '100ms',
    },
    'probe-missed': {
      form: 'value',
      help: 'Silence of so many intervals means that the other gateway is gone',
      placeholder: 'NUMBER',
      type: wholeNumber(2, 100, 'a number'),
      default: '3',
    },
    linger: {
      form: 'value',
      help: 'How long to wait at the end for another gateway to lead; for pods, whose end is that of the tunnels too',
      placeholder: 'DURATION',
      type: duration,
      default: '0s',
    },
    'state-dir': {
      form: 'value',
      help: 'Directory for the sockets and settings of the programs that it runs',
      placeholder: 'DIRECTORY',
      type: text('a directory'),
      completes: 'directory',
      default: '/run/pharos-gateway',
    },
    ...sysctlDirFlag,
    cleanup: {
      form: 'switch',
      help: 'Remove all that gateways left on this node, and end',
    },
    ...metricsListenFlag,
    ...logFlags({ format: 'json', level: 'info' }),
    ...configFlag,
  },
} as const satisfies CommandSpec;
