import type { CommandSpec } from '../flag.ts';
import { showWithBrokerFlags } from './show-flags.ts';

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
  flags: showWithBrokerFlags,
} as const satisfies CommandSpec;
