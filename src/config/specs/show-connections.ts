import type { CommandSpec } from '../flag.ts';
import { showFlags } from './show-flags.ts';

export const showConnectionsSpec = {
  name: 'show connections',
  summary: "list the tunnels of a member's gateways",
  description:
    'Lists every connection of the gateways of a member to a gateway of another cluster: its state and since when, ' +
    'why it is not connected, round-trip time and loss. What a silent gateway said last does not count.',
  example: {
    command: 'pharos show connections --kubeconfig east.kubeconfig --watch',
    effect: 'prints a line per connection, and another one whenever the state of one changes',
  },
  operands: {},
  flags: showFlags,
} as const satisfies CommandSpec;
