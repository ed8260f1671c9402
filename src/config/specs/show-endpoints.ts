import type { CommandSpec } from '../flag.ts';
import { showWithBrokerFlags } from './show-flags.ts';

export const showEndpointsSpec = {
  name: 'show endpoints',
  summary: 'list the ways into the clusters of the clusterset: their gateways as the others reach them',
  description:
    'Lists the Endpoint that each gateway of each member keeps on the broker: addresses, port, driver, whether it ' +
    'is the preferred one, when it was last heard of, and whether this member takes it. While the broker is away, ' +
    "the member's copies.",
  example: {
    command: 'pharos show endpoints --kubeconfig east.kubeconfig -o wide',
    effect: 'prints a line per gateway of every cluster, with its keys',
  },
  operands: {},
  flags: showWithBrokerFlags,
} as const satisfies CommandSpec;
