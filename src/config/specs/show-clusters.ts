import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import {
  adminKubeconfigFlag,
  brokerKubeconfigFlag,
  brokerNamespaceFlag,
  outputFlag,
} from './broker-flags.ts';

export const showClustersSpec = {
  name: 'show clusters',
  summary: 'list the clusters of the clusterset, as a member sees them',
  description:
    'Lists the members with what they export, since when they are silent, and who drained them. It looks at the ' +
    'broker with what "pharos join" left in the member, so no access to the broker itself is needed.',
  example: {
    command: 'pharos show clusters --kubeconfig east.kubeconfig --watch',
    effect: 'prints a line per cluster, and another one whenever something about one of them changes',
  },
  operands: {},
  flags: {
    ...adminKubeconfigFlag('a member'),
    ...brokerKubeconfigFlag('Kubeconfig of the broker; without it the access that the member has'),
    ...brokerNamespaceFlag,
    ...outputFlag,
    watch: { form: 'switch', help: 'Go on, and print what changes' },
    ...configFlag,
  },
} as const satisfies CommandSpec;
