import type { CommandSpec } from '../flag.ts';
import { clusterIdFlag, configFlag } from '../shared-flags.ts';
import { duration } from '../types.ts';
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
    cleanup: {
      form: 'switch',
      default: 'true',
      help: 'Take routes and tunnels off the nodes first; they stay where a node is away and it is --no-cleanup',
    },
    timeout: {
      form: 'value',
      help: 'How long to wait until every node is clean',
      placeholder: 'DURATION',
      type: duration,
      default: '5m',
    },
    ...dryRunFlag('Print what would be removed, and change nothing'),
    ...configFlag,
  },
} as const satisfies CommandSpec;
