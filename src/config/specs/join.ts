import type { CommandSpec } from '../flag.ts';
import {
  cableDriverFlag,
  clusterIdFlag,
  clustersetCidrFlag,
  clustersetIpsFlag,
  configFlag,
} from '../shared-flags.ts';
import { cidr, duration, text } from '../types.ts';
import {
  adminKubeconfigFlag,
  brokerKubeconfigFlag,
  brokerNamespaceFlag,
  dryRunFlag,
  httpsUrl,
} from './broker-flags.ts';

export const joinSpec = {
  name: 'join',
  summary: 'make a cluster a member of a clusterset',
  description:
    'Gives the cluster an identity of its own on the broker, with a token that renews itself, and keeps the ' +
    'access in Secret pharos-broker of namespace pharos-system; installs the Multi-Cluster Services API where ' +
    'it is missing, and what runs in a member, and waits until that is ready. It may be repeated at any time: ' +
    'it goes on where it was interrupted, and brings what is there up to date. Before anything is changed it ' +
    'looks at versions, permissions, networks and cluster DNS on both sides. A cluster id that another cluster ' +
    'holds is refused, and so are networks that another member has where tunnels are to carry them.',
  example: {
    command:
      'pharos join --cluster-id west --kubeconfig west.kubeconfig --broker-kubeconfig broker.kubeconfig ' +
      '--configure-cluster-dns',
    effect: 'makes that cluster the member "west"',
  },
  operands: {},
  flags: {
    ...clusterIdFlag,
    ...adminKubeconfigFlag('the cluster that joins'),
    ...brokerKubeconfigFlag("An administrator's kubeconfig of the broker; used now, not kept"),
    ...brokerNamespaceFlag,
    'broker-server': {
      form: 'value',
      help: "How the member reaches the broker, where that is not the server of the broker's kubeconfig",
      placeholder: 'URL',
      type: httpsUrl,
    },
    components: {
      form: 'switch',
      default: 'true',
      help: 'Install the agent and the DNS server, rather than leave that to Helm or to you',
    },
    gateway: {
      form: 'switch',
      help: 'Install gateways and route agents too; without them pods must reach the other clusters by themselves',
    },
    'gateway-node': {
      form: 'list',
      help: 'Node that is to be a gateway, beside those labelled pharos.io/gateway=true; may be given again',
      placeholder: 'NAME',
      type: text('the name of a node'),
      default: [],
    },
    ...cableDriverFlag,
    'pod-cidr': {
      form: 'list',
      help: "Network of this cluster's pods, where what is found is wrong; may be given again",
      placeholder: 'CIDR',
      type: cidr,
      default: [],
    },
    'service-cidr': {
      form: 'list',
      help: "Network of this cluster's Services, where what is found is wrong; may be given again",
      placeholder: 'CIDR',
      type: cidr,
      default: [],
    },
    ...clustersetIpsFlag,
    ...clustersetCidrFlag("Network of the clusterset's IPs, which no member may have"),
    'configure-cluster-dns': {
      form: 'switch',
      help: 'Add the zone\'s stub domain to CoreDNS\'s Corefile; "pharos leave" takes it out',
    },
    'reverse-zones': {
      form: 'switch',
      default: 'true',
      help: "With it, those of the clusterset's IPs and of the other members' pods; join again when a member is new",
    },
    image: {
      form: 'value',
      help: 'Image of Pharos, with its tag, where it is not the one of this version',
      placeholder: 'IMAGE',
      type: text('an image'),
    },
    'host-image': {
      form: 'value',
      help: 'Image of gateways and route agents, with its tag, where it is not the one of this version',
      placeholder: 'IMAGE',
      type: text('an image'),
    },
    timeout: {
      form: 'value',
      help: 'How long to wait until everything runs',
      placeholder: 'DURATION',
      type: duration,
      default: '5m',
    },
    ...dryRunFlag('Print the manifests that would be applied, and change nothing'),
    ...configFlag,
  },
} as const satisfies CommandSpec;
