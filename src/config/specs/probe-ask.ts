import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { ipAddress, text } from '../types.ts';

export const probeAskSpec = {
  name: 'probe ask',
  summary: 'resolve and connect as "pharos verify" tells it to',
  description:
    'What the test pods of "pharos verify" and "pharos benchmark" run: carries out one plan, prints a report as ' +
    'JSON, and leaves it in /dev/termination-log for who started the pod.',
  example: {
    command: 'pharos probe ask --plan \'{"to":"west","targets":[],"sizes":[64],"timeoutMs":1000}\'',
    effect: 'has nothing to try, and reports that',
  },
  operands: {},
  flags: {
    plan: {
      form: 'value',
      help: 'What to try, as JSON',
      placeholder: 'JSON',
      type: text('a plan'),
    },
    'own-ips': {
      form: 'list',
      help: 'Addresses of the pod, to tell whether its source was kept',
      placeholder: 'IP',
      type: ipAddress,
      default: [],
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
