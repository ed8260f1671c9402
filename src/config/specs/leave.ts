import type { CommandSpec } from '../flag.ts';
import { clusterIdFlag, configFlag } from '../shared-flags.ts';
import {
  adminKubeconfigFlag,
  brokerKubeconfigFlag,
  brokerNamespaceFlag,
  dryRunFlag,
} from './broker-flags.ts';

export const leaveSpec = {
  name: 'leave',
  summary: 'take a cluster out of its clusterset',
  description:
    'Takes back all that "pharos join" and the agent made, in the cluster and on the broker, and nothing else. ' +
    "ServiceExports are the users' own and stay. Stop the cluster's agents first.",
  example: {
    command: 'pharos leave --kubeconfig west.kubeconfig --broker-kubeconfig broker.kubeconfig',
    effect: 'ends that membership; the other members drop its services',
  },
  operands: {},
  flags: {
    ...clusterIdFlag,
    ...adminKubeconfigFlag('the cluster that leaves'),
    ...brokerKubeconfigFlag(
      "An administrator's kubeconfig of the broker; without it the broker's part stays, for broker remove-cluster",
    ),
    ...brokerNamespaceFlag,
    ...dryRunFlag('Print what would be removed, and change nothing'),
    ...configFlag,
  },
} as const satisfies CommandSpec;
