/** What the gateway that leads writes: copies of other clusters' records in its own, and order among its own on the broker. */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterId } from '../api/identity.ts';
import { type Kind, Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import { type Cluster, type Gateway, type TunnelEndpoint, isUp } from '../api/tunnel.ts';
import type { Admitted } from './admit.ts';

export type RecordStep =
  | { readonly op: 'apply'; readonly to: 'member' | 'broker'; readonly object: Cluster | TunnelEndpoint }
  | { readonly op: 'remove'; readonly from: 'member' | 'broker'; readonly kind: Kind; readonly name: string }
  /** What a dead gateway said of its connections ends. */
  | { readonly op: 'bury'; readonly gateway: Gateway };

export interface RecordInput {
  readonly cluster: ClusterId;
  /** The node of the gateway that leads. */
  readonly leader: string;
  readonly admitted: Admitted;
  /** What this cluster says of itself on the broker, and what is there. */
  readonly own: Cluster;
  readonly ownOnBroker: Cluster | undefined;
  /** This cluster's gateways as the broker has them. */
  readonly ownEndpoints: readonly TunnelEndpoint[];
  /** Copies in the member. */
  readonly clusterCopies: readonly Cluster[];
  readonly endpointCopies: readonly TunnelEndpoint[];
  /** This cluster's own Gateways. */
  readonly gateways: readonly Gateway[];
  readonly isAlive: (record: TunnelEndpoint | Gateway) => boolean;
}

/** Pure: nothing where all is as it should be. */
export function planRecords(input: RecordInput): RecordStep[] {
  const { admitted, own, ownOnBroker, clusterCopies, endpointCopies, gateways, isAlive } = input;
  const steps: RecordStep[] = [];
  if (ownOnBroker === undefined || !isDeepStrictEqual(ownOnBroker.spec, own.spec)) {
    steps.push({ op: 'apply', to: 'broker', object: own });
  }
  steps.push(...ownEndpointSteps(input));

  // A tunnel that works is kept, whatever has become of the other cluster's way to the broker.
  const connected = new Set(
    gateways.flatMap(({ status }) =>
      (status?.connections ?? []).filter(isUp).map(({ cluster, gateway }) => `${cluster}.${gateway}`),
    ),
  );
  const endpoints = admitted.endpoints.filter(
    (record) => isAlive(record) || connected.has(record.metadata.name),
  );
  steps.push(
    ...copySteps(Kinds.Cluster, admitted.clusters, clusterCopies, (a, b) =>
      isDeepStrictEqual(a.spec, b.spec),
    ),
    ...copySteps(Kinds.TunnelEndpoint, endpoints, endpointCopies, sameButHeartbeat),
  );
  for (const gateway of gateways) {
    const { connections = [], haStatus } = gateway.status ?? {};
    const says = connections.length > 0 || haStatus === 'active';
    if (says && gateway.metadata.name !== input.leader && !isAlive(gateway))
      steps.push({ op: 'bury', gateway });
  }
  return steps;
}

/** There is one leader: whoever else says so on the broker is out of date, and who is silent is gone. */
function ownEndpointSteps({ leader, ownEndpoints, isAlive }: RecordInput): RecordStep[] {
  return ownEndpoints.flatMap((record): RecordStep[] => {
    if (record.spec.gateway === leader) return [];
    if (!isAlive(record)) {
      return [{ op: 'remove', from: 'broker', kind: Kinds.TunnelEndpoint, name: record.metadata.name }];
    }
    if (!record.spec.preferred) return [];
    const object = bare(record, record.metadata.namespace ?? '', { ...record.spec, preferred: false });
    return [{ op: 'apply', to: 'broker', object }];
  });
}

function copySteps<T extends Cluster | TunnelEndpoint>(
  kind: Kind,
  wanted: readonly T[],
  copies: readonly T[],
  same: (copy: T, record: T) => boolean,
): RecordStep[] {
  const byName = new Map(copies.map((copy) => [copy.metadata.name, copy]));
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  return [
    ...wanted.flatMap((record): RecordStep[] => {
      const copy = byName.get(record.metadata.name);
      if (copy !== undefined && same(copy, record)) return [];
      return [{ op: 'apply', to: 'member', object: bare(record, SYSTEM_NAMESPACE, record.spec) }];
    }),
    ...copies.flatMap(({ metadata: { name } }): RecordStep[] =>
      names.has(name) ? [] : [{ op: 'remove', from: 'member', kind, name }],
    ),
  ];
}

const sameButHeartbeat = (a: TunnelEndpoint, b: TunnelEndpoint): boolean =>
  isDeepStrictEqual({ ...a.spec, heartbeat: '' }, { ...b.spec, heartbeat: '' });

/** The record with nothing but what its writer says, to be written somewhere else. */
function bare<T extends Cluster | TunnelEndpoint>(record: T, namespace: string, spec: T['spec']): T {
  const { apiVersion, kind, metadata } = record;
  const source = metadata.labels?.[Label.sourceCluster] ?? '';
  const labels = { [Label.sourceCluster]: source, [Label.importManagedBy]: MANAGED_BY };
  return { apiVersion, kind, metadata: { name: metadata.name, namespace, labels }, spec } as unknown as T;
}
