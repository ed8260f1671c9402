import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { duration, text } from '../types.ts';
import { adminKubeconfigFlag } from './broker-flags.ts';

export const gatewayDrainSpec = {
  name: 'gateway drain',
  summary: 'have another gateway lead, before this one goes',
  description:
    'Marks a gateway of this cluster so that it gives up the lead, and waits until another one has it: traffic moves ' +
    'while both are up, and no packet is lost. The mark stays until it is taken away by --undo.',
  example: {
    command: 'pharos gateway drain gw1 --kubeconfig west.kubeconfig',
    effect: 'moves the traffic of cluster west from node gw1 to another gateway',
  },
  operands: {
    node: {
      required: true,
      help: "Name of the gateway's node",
      placeholder: 'NODE',
      type: text('the name of a node'),
    },
  },
  flags: {
    ...adminKubeconfigFlag('the cluster'),
    undo: { form: 'switch', help: 'Let it lead again' },
    timeout: {
      form: 'value',
      help: 'How long to wait for another gateway',
      placeholder: 'DURATION',
      type: duration,
      default: '30s',
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
