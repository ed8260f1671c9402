/** Clustersets for tests and pictures of the page, from few words. */
import { drainedManifest } from '../../src/api/drained.ts';
import { Kinds } from '../../src/api/kinds.ts';
import { Annotation, Label } from '../../src/api/names.ts';
import type { EndpointSlice, Lease, ServiceExport, ServiceImport } from '../../src/api/objects.ts';
import type { Connection, Gateway } from '../../src/api/tunnel.ts';
import type { ClusterSight, Sights } from '../../src/page/sights.ts';

export const NOW = Math.floor(Date.now() / 1000) * 1000;
export const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

export interface Part {
  readonly ready: number;
  readonly total?: number;
  readonly weight?: number;
}

export interface ServiceWords {
  readonly namespace?: string;
  readonly type?: 'ClusterSetIP' | 'Headless';
  /** cluster → its part */
  readonly parts: Readonly<Record<string, Part>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Message of the condition Conflict on each export. */
  readonly conflict?: string;
  readonly ageSeconds?: number;
}

/** A cluster's view of services, each of one port. */
export function sightOf(
  id: string,
  services: Readonly<Record<string, ServiceWords>>,
  more: Partial<ClusterSight> = {},
): ClusterSight {
  const entries = Object.entries(services);
  return {
    id,
    imports: entries.map(([name, words]) => importOf(name, words)),
    slices: entries.flatMap(([name, words]) =>
      Object.entries(words.parts).map(([cluster, part]) => sliceOf(name, words, cluster, part)),
    ),
    exports: entries.flatMap(([name, words]) => (id in words.parts ? exportOf(name, words) : [])),
    gateways: [],
    records: [],
    drained: undefined,
    ...more,
  };
}

const metadataOf = (name: string, { namespace = 'shop', ageSeconds = 3600 }: ServiceWords) => ({
  name,
  namespace,
  creationTimestamp: ago(ageSeconds),
});

function importOf(name: string, words: ServiceWords): ServiceImport {
  const { type = 'ClusterSetIP', parts, labels = {}, annotations = {} } = words;
  const exports = Object.entries(parts).map(([cluster, { weight = 1 }], at) => ({
    cluster,
    ips: type === 'Headless' ? [] : [`10.96.${at}.7`],
    weight,
  }));
  return {
    apiVersion: Kinds.ServiceImport.apiVersion,
    kind: 'ServiceImport',
    metadata: {
      ...metadataOf(name, words),
      labels: { ...labels },
      annotations: { ...annotations, [Annotation.exports]: JSON.stringify(exports) },
    },
    spec: { type, ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  };
}

function sliceOf(
  name: string,
  words: ServiceWords,
  cluster: string,
  { ready, total = ready }: Part,
): EndpointSlice {
  const { namespace = 'shop' } = words;
  return {
    apiVersion: Kinds.EndpointSlice.apiVersion,
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${cluster}`,
      namespace,
      labels: { [Label.serviceName]: name, [Label.sourceCluster]: cluster },
    },
    addressType: 'IPv4',
    endpoints: Array.from({ length: total }, (_, at) => ({
      addresses: [`10.${cluster.length}.${at >> 8}.${at & 255}`],
      conditions: { ready: at < ready },
    })),
    ports: [],
  };
}

function exportOf(name: string, words: ServiceWords): ServiceExport {
  const { conflict } = words;
  const at = ago(60);
  return {
    apiVersion: Kinds.ServiceExport.apiVersion,
    kind: 'ServiceExport',
    metadata: metadataOf(name, words),
    ...(conflict !== undefined && {
      status: {
        conditions: [
          {
            type: 'Conflict',
            status: 'True',
            reason: 'PortConflict',
            message: conflict,
            lastTransitionTime: at,
          },
        ],
      },
    }),
  };
}

export const gatewayOf = (name: string, connections: Connection[], active = true): Gateway => ({
  apiVersion: Kinds.Gateway.apiVersion,
  kind: 'Gateway',
  metadata: { name, namespace: 'pharos-system' },
  status: { haStatus: active ? 'active' : 'passive', heartbeat: ago(2), connections },
});

export const leaseOf = (cluster: string, seconds: number): Lease => ({
  apiVersion: Kinds.Lease.apiVersion,
  kind: 'Lease',
  metadata: {
    name: cluster,
    labels: { [Label.sourceCluster]: cluster },
    annotations: { [Annotation.version]: '0.1.0' },
  },
  spec: { renewTime: ago(seconds), leaseDurationSeconds: 40 },
});

export const sightsOf = (
  clusters: readonly ClusterSight[],
  more: Partial<Omit<Sights, 'clusters'>> = {},
): Sights => ({
  kind: 'clusterset',
  source: 'https://10.0.0.1:6443',
  zone: 'clusterset.local',
  problems: [],
  now: NOW,
  clusters,
  ...more,
});

/** Five clusters with tunnels, one of them drained, one silent, one hardly reached: everything that the picture can show. */
export function busySights(): Sights {
  const services: Record<string, ServiceWords> = {
    checkout: { parts: { frankfurt: { ready: 6 }, virginia: { ready: 4 } }, ageSeconds: 86_400 * 41 },
    catalog: {
      parts: { frankfurt: { ready: 3 }, virginia: { ready: 2, total: 3 }, tokyo: { ready: 3 } },
      ageSeconds: 86_400 * 41,
    },
    inventory: {
      parts: { frankfurt: { ready: 2 }, 'sao-paulo': { ready: 2 } },
      conflict:
        'port http: kept "http TCP 8080" of frankfurt (the oldest export), dropped "http TCP 80" of sao-paulo',
      ageSeconds: 86_400 * 9,
    },
    sessions: {
      type: 'Headless',
      parts: { virginia: { ready: 3 }, tokyo: { ready: 3 } },
      ageSeconds: 86_400 * 3,
    },
    payments: { namespace: 'billing', parts: { frankfurt: { ready: 4 } }, ageSeconds: 86_400 * 120 },
    ledger: {
      namespace: 'billing',
      type: 'Headless',
      parts: { frankfurt: { ready: 3 }, virginia: { ready: 3 } },
      ageSeconds: 86_400 * 120,
    },
    invoices: { namespace: 'billing', parts: { sydney: { ready: 1 } }, ageSeconds: 7200 },
    search: { parts: { tokyo: { ready: 0, total: 2 } }, ageSeconds: 5400 },
  };
  const connection = (cluster: string, more: Partial<Connection>): Connection => ({
    cluster,
    gateway: 'gw-1',
    driver: 'ipsec',
    state: 'connected',
    since: ago(86_400),
    loss: 0,
    ...more,
  });
  const frankfurt = gatewayOf('gw-1', [
    connection('virginia', { roundTripMs: 88.2 }),
    connection('sao-paulo', { roundTripMs: 194, driver: 'wireguard' }),
    connection('tokyo', {
      roundTripMs: 231,
      loss: 0.034,
      state: 'degraded',
      reason: '3.4 % of the probes are lost',
    }),
    connection('sydney', { state: 'error', reason: 'no answer from any address for 4 minutes' }),
  ]);
  return sightsOf([sightOf('frankfurt', services, { gateways: [frankfurt, gatewayOf('gw-2', [], false)] })], {
    broker: {
      records: [],
      leases: [
        leaseOf('frankfurt', 4),
        leaseOf('virginia', 7),
        leaseOf('tokyo', 3),
        leaseOf('sydney', 260),
        leaseOf('sao-paulo', 9),
      ],
      drained: drainedManifest(
        'pharos-broker',
        new Map([['sao-paulo', { by: 'mara', at: ago(2400), why: 'new kernels' }]]),
      ),
    },
  });
}
