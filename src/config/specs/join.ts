import type { CommandSpec } from '../flag.ts';
import { clusterIdFlag, configFlag } from '../shared-flags.ts';
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
    'it is missing. It may be repeated at any time. A cluster id that another cluster holds is refused.',
  example: {
    command:
      'pharos join --cluster-id west --kubeconfig west.kubeconfig --broker-kubeconfig broker.kubeconfig',
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
    ...dryRunFlag('Print the manifests that would be applied, and change nothing'),
    ...configFlag,
  },
} as const satisfies CommandSpec;
