import type { CommandSpec } from '../flag.ts';
import {
  clustersetCidrFlag,
  clustersetIpsFlag,
  configFlag,
  logFlags,
  policyFlag,
  strictNamesFlag,
  ttlFlag,
  zoneFlag,
} from '../shared-flags.ts';
import { listenAddress, text } from '../types.ts';

export const playgroundSpec = {
  name: 'playground',
  summary: 'run clusters from folders of manifests, with an agent and a DNS server each',
  description:
    'DIR holds one folder per cluster, named after the cluster; inside, manifests in any depth: Namespace, ' +
    'Service, EndpointSlice, ServiceExport. They are watched: an edit changes the answers. No Kubernetes and ' +
    'no root are needed. Without DIR it shows a built-in example of three clusters.',
  example: {
    command: 'pharos playground ./clusters --dns-listen 127.0.0.1:5300',
    effect: 'answers for the first folder on port 5300, for the next one on 5301, and so on',
  },
  operands: {
    dir: {
      help: 'Directory with a folder per cluster; without it the built-in example',
      placeholder: 'DIR',
      type: text('a directory'),
      completes: 'directory',
      required: false,
    },
  },
  flags: {
    'dns-listen': {
      form: 'value',
      help: 'DNS address of the first cluster in name order; each further one gets the next port',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
      default: '127.0.0.1:5300',
    },
    'http-listen': {
      form: 'value',
      help: 'Where the status page, /metrics and /healthz are served',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
      default: '127.0.0.1:8053',
    },
    ...clustersetIpsFlag,
    ...clustersetCidrFlag('Network that each cluster gives out clusterset IPs from'),
    ...zoneFlag,
    ...ttlFlag,
    ...policyFlag,
    ...strictNamesFlag,
    ...logFlags({ format: 'pretty', level: 'error' }),
    ...configFlag,
  },
} as const satisfies CommandSpec;
