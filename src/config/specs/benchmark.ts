import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { count, duration } from '../types.ts';
import { testPodFlags } from './verify.ts';

export const benchmarkSpec = {
  name: 'benchmark',
  summary: 'measure resolution, round trips and throughput between members',
  description:
    'Makes the same pods and Services as "pharos verify", and lets each cluster measure how long a name of every ' +
    'other one takes through cluster DNS, how long a byte takes there and back, and how much goes there and back on ' +
    'one connection. All of it is removed again, also after Ctrl-C.',
  example: {
    command: 'pharos benchmark --kubeconfig west.kubeconfig --kubeconfig east.kubeconfig',
    effect: 'prints a histogram of each',
  },
  operands: {},
  flags: {
    ...testPodFlags,
    queries: {
      form: 'value',
      help: 'How many names to resolve, one after the other',
      placeholder: 'N',
      type: count('queries'),
      default: '500',
    },
    trips: {
      form: 'value',
      help: 'How many bytes to send there and back, one after the other',
      placeholder: 'N',
      type: count('trips'),
      default: '500',
    },
    duration: {
      form: 'value',
      help: 'How long to measure throughput',
      placeholder: 'DURATION',
      type: duration,
      default: '5s',
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
