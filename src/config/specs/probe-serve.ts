import type { CommandSpec } from '../flag.ts';
import { configFlag } from '../shared-flags.ts';
import { clusterId, listenAddress } from '../types.ts';

export const probeServeSpec = {
  name: 'probe serve',
  summary: 'be the server that "pharos verify" tries to reach',
  description:
    'What the test pods of "pharos verify" and "pharos benchmark" run: says over TCP which cluster it is in and ' +
    'from which address it was called, and sends back whatever comes, over UDP as well.',
  example: {
    command: 'pharos probe serve --cluster-id west --listen 127.0.0.1:8080',
    effect: 'waits for such calls',
  },
  operands: {},
  flags: {
    'cluster-id': {
      form: 'value',
      help: 'The cluster that it says it is in',
      placeholder: 'ID',
      type: clusterId,
    },
    listen: {
      form: 'value',
      help: 'Where it listens, TCP and UDP',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
      default: ':8080',
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
