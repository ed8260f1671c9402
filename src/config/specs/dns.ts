import type { CommandSpec } from '../flag.ts';
import {
  clusterIdFlag,
  clustersetCidrFlag,
  configFlag,
  kubeconfigFlag,
  logFlags,
  metricsListenFlag,
  policyFlag,
  strictNamesFlag,
  ttlFlag,
  zoneFlag,
} from '../shared-flags.ts';
import { duration, ipAddress, listenAddress, network, oneOf, storeUrl, text, threads } from '../types.ts';

export const dnsSpec = {
  name: 'dns',
  summary: 'answer for the clusterset zone from the ServiceImports of one cluster',
  description:
    'The authoritative DNS server of a member cluster: it watches ServiceImports and EndpointSlices and answers ' +
    'over UDP and TCP. Cluster DNS forwards the zone to it. It is ready once it has read the first full lists; ' +
    'while the API server is away it goes on with what it knows.',
  example: {
    command: 'pharos dns --kubeconfig east.kubeconfig --cluster-id east --listen 127.0.0.1:5353',
    effect: 'answers mysql.shop.svc.clusterset.local as pods of cluster east shall see it',
  },
  operands: {},
  flags: {
    listen: {
      form: 'list',
      help: 'Where to answer over UDP and TCP; may be given again',
      placeholder: 'ADDRESS:PORT',
      type: listenAddress,
      default: ['0.0.0.0:53'],
    },
    udp: {
      form: 'value',
      help: 'How UDP is read and written: in batches, which needs the addon of the package, packet by packet, or auto for batches where they can be had',
      placeholder: 'WAY',
      type: oneOf('auto', 'batched', 'dgram'),
      default: 'auto',
    },
    workers: {
      form: 'value',
      help: 'Threads that answer UDP in batches: one for each core that they shall use',
      placeholder: 'NUMBER',
      type: threads,
      default: '1',
    },
    ...zoneFlag,
    ...clusterIdFlag,
    ...kubeconfigFlag,
    store: {
      form: 'value',
      help: "Where the objects are: kubernetes, directory:DIR with one cluster's ServiceImports and EndpointSlices, or redis://HOST that pharos agent --publish fills",
      placeholder: 'STORE',
      type: storeUrl,
      default: 'kubernetes',
    },
    snapshot: {
      form: 'value',
      help: 'File to keep what is known in, and to answer from at the next start until the store is read',
      placeholder: 'FILE',
      type: text('a file'),
      completes: 'file',
    },
    ...ttlFlag,
    ...policyFlag,
    ...strictNamesFlag,
    ...clustersetCidrFlag("Network whose reverse names are answered, those of the agent's clusterset IPs"),
    advertise: {
      form: 'list',
      help: "Address of this server for the zone's NS record; may be given again",
      placeholder: 'ADDRESS',
      type: ipAddress,
      default: [],
    },
    'trust-proxy': {
      form: 'list',
      help: "Address or network of cluster DNS whose pharos plugin may ask in its clients' names; may be given again",
      placeholder: 'NETWORK',
      type: network,
      default: [],
    },
    'stale-after': {
      form: 'value',
      help: 'After how long out of sight of the store answers are marked as stale',
      placeholder: 'DURATION',
      type: duration,
      default: '30s',
    },
    'reuse-port': {
      form: 'switch',
      help: 'Let another pharos dns of this user listen on the same addresses, so that a new one takes over from an old one without a gap',
    },
    ...metricsListenFlag,
    ...logFlags({ format: 'json', level: 'info' }),
    ...configFlag,
  },
} as const satisfies CommandSpec;
