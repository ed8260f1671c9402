/** What `export` and `unexport` have in common. */
import { adminKubeconfigFlag } from './broker-flags.ts';
import { configFlag } from '../shared-flags.ts';
import { namespace, serviceName } from '../types.ts';

export const exportFlags = {
  namespace: {
    form: 'value',
    short: 'n',
    help: 'Namespace of the Service',
    placeholder: 'NAMESPACE',
    type: namespace,
    default: 'default',
  },
  ...adminKubeconfigFlag('the cluster that has the Service'),
  ...configFlag,
} as const;

/** `NAME`, or `service NAME`, as subctl has it. */
export const exportOperands = {
  name: {
    help: 'name of the Service; the word "service" may stand before it',
    placeholder: 'NAME',
    type: serviceName,
    required: true,
  },
  'after-service': {
    help: 'the name, after "service"',
    placeholder: 'NAME',
    type: serviceName,
    required: false,
  },
} as const;
