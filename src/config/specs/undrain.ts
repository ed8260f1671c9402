import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { clusterId } from '../types.ts';
import { adminKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';

export const undrainSpec = {
  name: 'undrain',
  summary: 'bring a drained cluster back into answers',
  description: 'Ends what "pharos drain" began: within a second all members count the cluster again.',
  example: {
    command: 'pharos undrain west --kubeconfig broker.kubeconfig',
    effect: 'answers with west again',
  },
  operands: {
    cluster: {
      help: 'the cluster id of the member',
      placeholder: 'CLUSTER',
      type: clusterId,
      required: true,
    },
  },
  flags: { ...adminKubeconfigFlag('the broker'), ...brokerNamespaceFlag, ...configFlag },
} as const satisfies CommandSpec;
