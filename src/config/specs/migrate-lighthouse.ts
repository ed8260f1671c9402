import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { duration, oneOf, text } from '../types.ts';
import { adminKubeconfigFlag, dryRunFlag } from './broker-flags.ts';

const STEPS = ['report', 'take-over', 'undo', 'finish'] as const;

export const migrateLighthouseSpec = {
  name: 'migrate lighthouse',
  summary: "let Pharos answer in the place of Submariner's Lighthouse, without a gap",
  description:
    'Reports what a cluster has of Lighthouse, and what is in the way. Then, step by step: take-over asks both DNS ' +
    'servers for every name, and where Pharos answers all of them lets cluster DNS forward to Pharos; undo lets it ' +
    'forward to Lighthouse again; finish makes imports and stub domain Pharos’s own, so that Submariner can be removed. ' +
    'Both may run side by side between the steps for as long as you like.',
  example: {
    command: 'pharos migrate lighthouse --kubeconfig west.kubeconfig',
    effect: 'reports exports, imports, cluster DNS and what is in the way, and changes nothing',
  },
  operands: {},
  flags: {
    ...adminKubeconfigFlag('the cluster that has Lighthouse'),
    step: {
      form: 'value',
      help: 'What to do: report, take-over, undo or finish',
      placeholder: 'STEP',
      type: oneOf(...STEPS),
      choices: STEPS,
      default: 'report',
    },
    'lighthouse-server': {
      form: 'value',
      help: "Where Lighthouse's DNS server is reached from here, where that is not its Service's address",
      placeholder: 'ADDRESS[:PORT]',
      type: text('an address'),
    },
    'pharos-server': {
      form: 'value',
      help: "Where Pharos's DNS server is reached from here, where that is not its Service's address",
      placeholder: 'ADDRESS[:PORT]',
      type: text('an address'),
    },
    'accept-differences': {
      form: 'switch',
      help: 'Take over although some names get other addresses, such as clusterset IPs; never where a name is missing',
    },
    timeout: {
      form: 'value',
      help: 'How long to wait for the agent and for cluster DNS',
      placeholder: 'DURATION',
      type: duration,
      default: '5m',
    },
    ...dryRunFlag('Compare and print what would be written, and change nothing'),
    ...configFlag,
  },
} as const satisfies CommandSpec;
