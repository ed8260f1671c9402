import { CHECK_GROUPS } from '../check-groups.ts';
import type { CommandSpec } from '../flag.ts';
import { configFlag, oneZoneFlag } from '../shared-flags.ts';
import { duration, listenAddress, oneOf, text } from '../types.ts';
import { adminKubeconfigFlag, brokerKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';

const FORMATS = ['table', 'json'] as const;

export const diagnoseSpec = {
  name: 'diagnose',
  summary: 'check a member of a clusterset, and say how to mend what is wrong',
  description:
    'Runs every check at once, each by itself, and prints a verdict for each: ok, failed with the reason and the ' +
    'mend, skipped where there is nothing to check, unknown where it can not be found out from here. The exit ' +
    'status is 1 when a check failed. Nothing is changed, but for the pods that --pod makes and removes. docs/reference/checks.md lists the checks.',
  example: {
    command: 'pharos diagnose --kubeconfig east.kubeconfig --group dns',
    effect: 'checks everything between a pod of that cluster and an answer',
  },
  operands: {},
  flags: {
    ...adminKubeconfigFlag('the member'),
    ...brokerKubeconfigFlag(
      "An administrator's kubeconfig of the broker, for what members may not see; the other checks use the access that the member has",
    ),
    ...brokerNamespaceFlag,
    group: {
      form: 'list',
      help: 'Only the checks of this group; may be given again',
      placeholder: 'GROUP',
      type: oneOf(...CHECK_GROUPS),
      choices: CHECK_GROUPS,
      default: [],
    },
    only: {
      form: 'list',
      help: 'Only the check of this id; may be given again',
      placeholder: 'ID',
      type: text('the id of a check'),
      default: [],
    },
    skip: {
      form: 'list',
      help: 'All but the check of this id; may be given again',
      placeholder: 'ID',
      type: text('the id of a check'),
      default: [],
    },
    host: {
      form: 'switch',
      help: 'This machine is a node of the member: read its kernel as well, for the group host',
    },
    pod: {
      form: 'switch',
      help:
        'Make short-lived pods for what only they can see, and take them away again: one on each node with a route agent ' +
        'for the group host, and one that asks DNS servers as any pod does',
    },
    node: {
      form: 'list',
      help: 'With --pod: look at this node only; may be given again',
      placeholder: 'NAME',
      type: text('the name of a node'),
      default: [],
    },
    ...oneZoneFlag,
    'dns-server': {
      form: 'value',
      help: 'Where "pharos dns" is asked straight, where that is not the address of its Service',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
    },
    'cluster-dns': {
      form: 'value',
      help: 'Where cluster DNS is asked, where that is not the address of its Service, such as NodeLocal DNSCache',
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
    output: {
      form: 'value',
      short: 'o',
      help: 'How to print: a table with the mend of what failed, or everything as JSON',
      placeholder: 'FORMAT',
      type: oneOf(...FORMATS),
      choices: FORMATS,
      default: 'table',
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
