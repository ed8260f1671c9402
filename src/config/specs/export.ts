import type { CommandSpec } from '../flag.ts';
import { clusterId, duration, oneOf, weight } from '../types.ts';
import { exportFlags, exportOperands } from './export-flags.ts';

const POLICIES = ['local', 'weighted', 'all'] as const;

export const exportSpec = {
  name: 'export',
  summary: 'let every member of the clusterset resolve a Service',
  description:
    'Makes the ServiceExport of a Service, or changes it to what the flags say, and prints its conditions. ' +
    'The same as "kubectl apply" of a ServiceExport with the annotations that the flags name.',
  example: {
    command: 'pharos export web -n shop --wait',
    effect: 'returns when the broker has it, and so every member that has the namespace shop',
  },
  operands: exportOperands,
  flags: {
    weight: {
      form: 'value',
      help: "This cluster's share of the answers, 0 to 1000 (annotation pharos.io/weight)",
      placeholder: 'NUMBER',
      type: weight,
    },
    policy: {
      form: 'value',
      help: 'Which clusters answer: local, weighted or all (annotation pharos.io/policy)',
      placeholder: 'POLICY',
      type: oneOf(...POLICIES),
      choices: POLICIES,
    },
    'to-clusters': {
      form: 'list',
      help: 'Only these clusters see the service (annotation pharos.io/to-clusters); may be given again',
      placeholder: 'ID',
      type: clusterId,
      default: [],
    },
    wait: { form: 'switch', help: 'Wait until the broker has the export' },
    timeout: {
      form: 'value',
      help: 'How long to wait',
      placeholder: 'DURATION',
      type: duration,
      default: '1m',
    },
    ...exportFlags,
  },
} as const satisfies CommandSpec;
