import type { CommandSpec } from '../flag.ts';
import { clusterIdFlag, configFlag, logFlags, zoneFlag } from '../shared-flags.ts';
import { listenAddress } from '../types.ts';
import { adminKubeconfigFlag, brokerKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';

export const uiSpec = {
  name: 'ui',
  summary: 'serve the status page of a clusterset, as one of its members sees it',
  description:
    'Serves a page that shows the clusters, their tunnels, all services with what keeps them out of answers, and a ' +
    'log of changes, live. It only reads, with the rights of the kubeconfig. Who is silent is known from the broker: ' +
    'it is looked at with what "pharos join" left in the member, and the page does without where that must not be read.',
  example: {
    command: 'pharos ui --kubeconfig east.kubeconfig',
    effect: 'serves the page at http://127.0.0.1:8053/ for a browser on this machine',
  },
  operands: {},
  flags: {
    ...adminKubeconfigFlag('a member'),
    'http-listen': {
      form: 'value',
      help: 'Where the page is served; it asks nobody who he is, so leave it on loopback or put something before it that does',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
      default: '127.0.0.1:8053',
    },
    ...clusterIdFlag,
    ...brokerKubeconfigFlag('Kubeconfig of the broker; without it the access that the member has'),
    ...brokerNamespaceFlag,
    ...zoneFlag,
    ...logFlags({ format: 'pretty', level: 'warn' }),
    ...configFlag,
  },
} as const satisfies CommandSpec;
