import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { clusterId, text } from '../types.ts';
import { adminKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';

export const drainSpec = {
  name: 'drain',
  summary: 'take a cluster out of all answers, until undrain',
  description:
    'Within a second no member answers with the cluster any more, the cluster itself included, as if each of its ' +
    'exports had weight 0. Existing connections stay. Of a headless service the endpoints of a drained cluster are ' +
    'left out unless nothing else is left. "pharos show clusters" tells who drained it and when.',
  example: {
    command: 'pharos drain west --kubeconfig broker.kubeconfig --reason "new kernel"',
    effect: 'sends new clients of the services of west to the other clusters that export them',
  },
  operands: {
    cluster: {
      help: 'the cluster id of the member',
      placeholder: 'CLUSTER',
      type: clusterId,
      required: true,
    },
  },
  flags: {
    ...adminKubeconfigFlag('the broker'),
    ...brokerNamespaceFlag,
    reason: {
      form: 'value',
      help: 'Why, for those who look at it later',
      placeholder: 'WORDS',
      type: text('some words'),
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
