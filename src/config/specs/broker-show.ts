import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { adminKubeconfigFlag, brokerNamespaceFlag, outputFlag } from './broker-flags.ts';

export const brokerShowSpec = {
  name: 'broker show',
  summary: 'list the members of a clusterset',
  description: 'Lists who joined the broker, when, what they export there, and when they were last heard of.',
  example: {
    command: 'pharos broker show --kubeconfig broker.kubeconfig -o wide',
    effect: 'prints a line per member',
  },
  operands: {},
  flags: { ...adminKubeconfigFlag('the broker'), ...brokerNamespaceFlag, ...outputFlag, ...configFlag },
} as const satisfies CommandSpec;
