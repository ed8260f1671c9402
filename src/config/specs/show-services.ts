import type { CommandSpec } from '../flag.ts';
import { clusterIdFlag } from '../shared-flags.ts';
import { showWithBrokerFlags } from './show-flags.ts';

export const showServicesSpec = {
  name: 'show services',
  summary: 'list the services of the clusterset, as a member sees them',
  description:
    'Lists every service that is imported or could be, from which clusters, when the oldest of them last confirmed ' +
    'what it exports, and in words what is not as it could be: clusters that are left out, silent or drained, ' +
    'services that are not imported, and what exports disagree on, each with the reason.',
  example: {
    command: 'pharos show services --kubeconfig east.kubeconfig -o wide',
    effect: 'prints a line per service, with clusterset IPs, ports and ready endpoints of each cluster',
  },
  operands: {},
  flags: { ...showWithBrokerFlags, ...clusterIdFlag },
} as const satisfies CommandSpec;
