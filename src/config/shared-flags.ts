/** Flags that several commands have, with one meaning. */
import type { SwitchFlag } from './flag.ts';
import { cidr, clusterId, listenAddress, oneOf, text, ttl, zone } from './types.ts';

const FORMATS = ['json', 'pretty'] as const;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const SWITCH = ['on', 'off'] as const;
const DRIVERS = ['ipsec', 'wireguard', 'vxlan'] as const;
const POLICIES = ['local', 'weighted', 'all'] as const;

/** Every command reads these; `--config` is looked at before all others. */
export const configFlag = {
  config: {
    form: 'value',
    help: 'YAML file with flags of this command by name; flags and variables win over it',
    placeholder: 'FILE',
    type: text('a file'),
    completes: 'file',
  },
} as const;

/** @param defaults for a command that is watched by a person or collected by a machine */
export const logFlags = <F extends (typeof FORMATS)[number], L extends (typeof LEVELS)[number]>(defaults: {
  format: F;
  level: L;
}) =>
  ({
    'log-format': {
      form: 'value',
      help: 'How log lines on stderr look: one JSON object each, or for reading',
      placeholder: 'FORMAT',
      type: oneOf(...FORMATS),
      choices: FORMATS,
      default: defaults.format,
    },
    'log-level': {
      form: 'value',
      help: 'The least important lines to log',
      placeholder: 'LEVEL',
      type: oneOf(...LEVELS),
      choices: LEVELS,
      default: defaults.level,
    },
  }) as const;

export const kubeconfigFlag = {
  kubeconfig: {
    form: 'value',
    help: 'Kubeconfig of this cluster; without it the service account of the pod',
    placeholder: 'FILE',
    type: text('a file'),
    completes: 'file',
  },
} as const;

export const clusterIdFlag = {
  'cluster-id': {
    form: 'value',
    help: 'Id of this cluster in the clusterset; without it the ClusterProperty cluster.clusterset.k8s.io',
    placeholder: 'ID',
    type: clusterId,
  },
} as const;

export const metricsListenFlag = {
  'metrics-listen': {
    form: 'value',
    help: 'Where /metrics, /healthz and /readyz are served',
    placeholder: 'ADDRESS:PORT',
    type: listenAddress,
    default: '0.0.0.0:9153',
  },
} as const;

export const zoneFlag = {
  zone: {
    form: 'list',
    help: 'Zone to answer for; may be given again',
    placeholder: 'DOMAIN',
    type: zone,
    default: ['clusterset.local'],
  },
} as const;

export const oneZoneFlag = {
  zone: {
    form: 'value',
    help: 'Zone of the clusterset',
    placeholder: 'DOMAIN',
    type: zone,
    default: 'clusterset.local',
  },
} as const;

export const ttlFlag = {
  ttl: {
    form: 'value',
    help: 'Time to live of answers, in seconds',
    placeholder: 'SECONDS',
    type: ttl,
    default: '5',
  },
} as const;

export const policyFlag = {
  policy: {
    form: 'value',
    help: 'Which clusters a service answers with where its export does not say: the own one first, all by weight, or all at once',
    placeholder: 'POLICY',
    type: oneOf(...POLICIES),
    choices: POLICIES,
    default: 'local',
  },
} as const;

export const strictNamesFlag: { 'strict-names': SwitchFlag } = {
  'strict-names': {
    form: 'switch',
    help: 'Do not answer <cluster>.<service>.<namespace>.svc names, which the specification leaves out',
  },
};

export const clustersetIpsFlag = {
  'clusterset-ips': {
    form: 'value',
    help: 'Whether each ClusterSetIP service gets an address of its own, which route agents must then serve on every node; off: DNS answers with Service IPs',
    placeholder: 'on|off',
    type: oneOf(...SWITCH),
    choices: SWITCH,
    default: 'off',
  },
} as const;

export const cableDriverFlag = {
  'cable-driver': {
    form: 'value',
    help: 'What carries the tunnels, the same in all clusters; vxlan encrypts nothing',
    placeholder: 'DRIVER',
    type: oneOf(...DRIVERS),
    choices: DRIVERS,
    default: 'ipsec',
  },
} as const;

export const sysctlDirFlag = {
  'sysctl-dir': {
    form: 'value',
    help: 'Where kernel parameters are written; for pods that are not privileged, which have the usual place read-only',
    placeholder: 'DIRECTORY',
    type: text('a directory'),
    completes: 'directory',
    default: '/proc/sys',
  },
} as const;

/**
 * One truth for those who give clusterset IPs, keep them out of tunnels, or answer for them. Room for 65,000
 * services; the whole of 243/8 would forbid members what nobody needs.
 */
const CLUSTERSET_CIDRS = ['243.0.0.0/16'];

/** @param help what the networks are for */
export const clustersetCidrFlag = (help: string) =>
  ({
    'clusterset-cidr': {
      form: 'list',
      help: `${help}; may be given again, for IPv6 beside IPv4`,
      placeholder: 'CIDR',
      type: cidr,
      default: CLUSTERSET_CIDRS,
    },
  }) as const;
