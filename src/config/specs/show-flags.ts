/** What the commands of the `show` family have in common. */
import type { SwitchFlag } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import {
  adminKubeconfigFlag,
  brokerKubeconfigFlag,
  brokerNamespaceFlag,
  outputFlag,
} from './broker-flags.ts';

const watchFlag: { readonly watch: SwitchFlag } = {
  watch: { form: 'switch', help: 'Go on, and print what changes' },
};

/** Of those that look at a member alone. */
export const showFlags = {
  ...adminKubeconfigFlag('a member'),
  ...outputFlag,
  ...watchFlag,
  ...configFlag,
} as const;

/** Of those that look at the broker as well. */
export const showWithBrokerFlags = {
  ...adminKubeconfigFlag('a member'),
  ...brokerKubeconfigFlag('Kubeconfig of the broker; without it the access that the member has'),
  ...brokerNamespaceFlag,
  ...outputFlag,
  ...watchFlag,
  ...configFlag,
} as const;
