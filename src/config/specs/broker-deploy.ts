import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { adminKubeconfigFlag, brokerNamespaceFlag, dryRunFlag } from './broker-flags.ts';

export const brokerDeploySpec = {
  name: 'broker deploy',
  summary: 'make a Kubernetes API server a broker',
  description:
    'Installs what members need on the broker: the namespace of the records, the definition of ServiceImport, ' +
    'a role, and an admission policy by which each member can write its own records alone. Nothing of Pharos ' +
    'runs there. It may be repeated at any time; what is as it should be stays untouched.',
  example: {
    command: 'pharos broker deploy --kubeconfig broker.kubeconfig',
    effect: 'makes that cluster the broker of a clusterset; clusters join it by "pharos join"',
  },
  operands: {},
  flags: {
    ...adminKubeconfigFlag('the broker'),
    ...brokerNamespaceFlag,
    ...dryRunFlag('Print the manifests that would be applied, and change nothing'),
    ...configFlag,
  },
} as const satisfies CommandSpec;
