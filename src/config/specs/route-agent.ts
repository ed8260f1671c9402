import type { CommandSpec } from '../flag.ts';
import { clusterIdFlag, configFlag, kubeconfigFlag, logFlags, sysctlDirFlag } from '../shared-flags.ts';
import { duration, listenAddress, text } from '../types.ts';

export const routeAgentSpec = {
  name: 'route-agent',
  summary: 'route one node to the other clusters by way of the gateways',
  description:
    "Keeps this node's routes, filters and kernel parameters such that pods and node processes reach the pods and " +
    'Services of other clusters through the active gateway, and are seen there under their own addresses. Runs as ' +
    'root on every node. Stopping it leaves everything in place; --cleanup takes all of it out again and ends.',
  example: {
    command: 'pharos route-agent --cluster-id west --node west-1',
    effect: 'routes this node, which Kubernetes calls west-1, to the other clusters until it is stopped',
  },
  operands: {},
  flags: {
    ...kubeconfigFlag,
    ...clusterIdFlag,
    node: {
      form: 'value',
      help: "This node's name in Kubernetes; without it the host's name",
      placeholder: 'NAME',
      type: text('the name of a node'),
    },
    cleanup: {
      form: 'switch',
      help: 'Remove all that route agents made on this host, found by its marks, and end',
    },
    'probe-interval': {
      form: 'value',
      help: 'Time between two probes of a gateway node; three without an answer move traffic away from it',
      placeholder: 'DURATION',
      type: duration,
      default: '100ms',
    },
    'state-dir': {
      form: 'value',
      help: 'Where old values of kernel parameters are kept for --cleanup; it should not outlive a boot',
      placeholder: 'DIR',
      type: text('a directory'),
      default: '/run/pharos',
      completes: 'directory',
    },
    ...sysctlDirFlag,
    'metrics-listen': {
      form: 'value',
      help: "Where /metrics, /healthz and /readyz are served; on the node's network, so not where pods have it",
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
      default: '0.0.0.0:9155',
    },
    ...logFlags({ format: 'json', level: 'info' }),
    ...configFlag,
  },
} as const satisfies CommandSpec;
