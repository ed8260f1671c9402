import type { CommandSpec } from '../flag.ts';
import { configFlag, oneZoneFlag } from '../shared-flags.ts';
import { duration, listenAddress, text } from '../types.ts';

export const probeLookSpec = {
  name: 'probe look',
  summary: 'run checks that take no access to a cluster, as "pharos diagnose --pod" tells it to',
  description:
    'What the pods of "pharos diagnose --pod" run: the checks of this machine with --host, and those that ask DNS ' +
    'servers. Prints the verdicts as JSON, and leaves them in /dev/termination-log for who started the pod.',
  example: {
    command: 'pharos probe look --host --only host.devices --only host.mtu',
    effect: 'reads the kernel of this machine, and prints two verdicts',
  },
  operands: {},
  flags: {
    only: {
      form: 'list',
      help: 'The check of this id; may be given again. What this version does not know is left out',
      placeholder: 'ID',
      type: text('the id of a check'),
      default: [],
    },
    host: { form: 'switch', help: 'This machine is a node: read its kernel' },
    ...oneZoneFlag,
    'dns-server': {
      form: 'value',
      help: 'Where "pharos dns" is asked straight',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
    },
    'cluster-dns': {
      form: 'value',
      help: 'Where cluster DNS is asked, where that is not the name server of this pod',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
    },
    'time-limit': {
      form: 'value',
      help: 'How long each thing that a check needs may take to be found out',
      placeholder: 'DURATION',
      type: duration,
      default: '20s',
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
