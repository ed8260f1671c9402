import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { duration, text } from '../types.ts';
import { adminKubeconfigFlag } from './broker-flags.ts';

export const gatewayRotateKeysSpec = {
  name: 'gateway rotate-keys',
  summary: 'give gateways new keys',
  description:
    'Has the gateways of this cluster make new keys, one after the other, and waits until they are in use: each publishes ' +
    'its new key first, so that all peers know it, and tunnels go on meanwhile. With WireGuard another gateway carries ' +
    'the traffic during the change; where there is none, it pauses for a moment.',
  example: {
    command: 'pharos gateway rotate-keys --kubeconfig west.kubeconfig',
    effect: 'gives all gateways of cluster west new keys',
  },
  operands: {
    node: {
      required: false,
      help: "Name of the gateway's node; without it all gateways",
      placeholder: 'NODE',
      type: text('the name of a node'),
    },
  },
  flags: {
    ...adminKubeconfigFlag('the cluster'),
    timeout: {
      form: 'value',
      help: 'How long to wait for each gateway',
      placeholder: 'DURATION',
      type: duration,
      default: '3m',
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
