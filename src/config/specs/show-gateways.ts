import type { CommandSpec } from '../flag.ts';
import { showFlags } from './show-flags.ts';

export const showGatewaysSpec = {
  name: 'show gateways',
  summary: "list a member's gateways",
  description:
    'Lists the gateway nodes of a member: which one is active, when each was last heard of, how many of its ' +
    'connections are up, and which records of other clusters it did not take, with the reasons.',
  example: {
    command: 'pharos show gateways --kubeconfig east.kubeconfig',
    effect: 'prints a line per gateway node',
  },
  operands: {},
  flags: showFlags,
} as const satisfies CommandSpec;
