import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { clusterId } from '../types.ts';
import { adminKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';

export const brokerRemoveClusterSpec = {
  name: 'broker remove-cluster',
  summary: 'withdraw a member that is gone for good',
  description:
    "Takes a member's identity and records off the broker: its token is void, its services go from every " +
    'other member, and its id may be taken again. A cluster that still lives leaves by "pharos leave".',
  example: {
    command: 'pharos broker remove-cluster west --kubeconfig broker.kubeconfig',
    effect: 'withdraws all that west exported, and its access',
  },
  operands: {
    id: {
      help: 'the cluster id of the member',
      placeholder: 'ID',
      type: clusterId,
      required: true,
    },
  },
  flags: { ...adminKubeconfigFlag('the broker'), ...brokerNamespaceFlag, ...configFlag },
} as const satisfies CommandSpec;
