import type { ServiceAccount } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import type { Kind } from '../api/kinds.ts';
import { Annotation, Label, MANAGED_BY } from '../api/names.ts';
import type { KubeObject, Lease } from '../api/objects.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';
import { RECORD_KINDS } from './record-kinds.ts';

/** One line of `broker show`. */
export interface MemberStatus {
  readonly cluster: string;
  /** RFC 3339; absent for records whose member has no identity (any more). */
  readonly joined?: string;
  /** The uid of the member's `kube-system` namespace. */
  readonly clusterUid?: string;
  /** RFC 3339: the last heartbeat; absent where there never was one. */
  readonly lastSeen?: string;
  /** Exported services. */
  readonly services: number;
  /** All records of this member, by their kind. */
  readonly records: Readonly<Record<string, number>>;
}

/** What is on the broker, as far as members are concerned. */
export interface BrokerContent {
  readonly identities: readonly ServiceAccount[];
  readonly leases: readonly Lease[];
  readonly records: readonly KubeObject[];
}

const clusterOf = (object: KubeObject): string | undefined => object.metadata.labels?.[Label.sourceCluster];

/**
 * Every cluster that has an identity or left records, by name. The Lease is the heartbeat and counts as
 * none of the records.
 */
export function membersOf({ identities, leases, records }: BrokerContent): MemberStatus[] {
  const identityOf = new Map(identities.map((account) => [clusterOf(account), account])); // cluster → account
  const leaseOf = new Map(leases.map((lease) => [clusterOf(lease), lease])); // cluster → Lease
  const counts = new Map<string, Record<string, number>>(); // cluster → kind → number
  for (const cluster of [...identityOf.keys(), ...leaseOf.keys()]) {
    if (cluster !== undefined) counts.set(cluster, {});
  }
  for (const record of records) {
    const cluster = clusterOf(record);
    if (cluster === undefined) continue;
    const count = counts.get(cluster) ?? {};
    count[record.kind] = (count[record.kind] ?? 0) + 1;
    counts.set(cluster, count);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([cluster, count]) => {
      const { creationTimestamp: joined, annotations } = identityOf.get(cluster)?.metadata ?? {};
      const clusterUid = annotations?.[Annotation.clusterUid];
      const lastSeen = leaseOf.get(cluster)?.spec.renewTime;
      return {
        cluster,
        ...(joined === undefined ? {} : { joined }),
        ...(clusterUid === undefined ? {} : { clusterUid }),
        ...(lastSeen === undefined ? {} : { lastSeen }),
        services: count[Kinds.ServiceImport.kind] ?? 0,
        records: count,
      };
    });
}

/** Reads what {@link membersOf} needs. */
export async function readBroker(broker: ObjectStore, namespace: string): Promise<BrokerContent> {
  const ofMembers = { namespace, labelExists: [Label.sourceCluster] };
  const [identities, leases, ...records] = await Promise.all([
    broker.list(Kinds.ServiceAccount, { ...ofMembers, labels: { [Label.importManagedBy]: MANAGED_BY } }),
    listOrNone(broker, Kinds.Lease, ofMembers),
    ...RECORD_KINDS.filter(({ kind }) => kind !== Kinds.Lease).map(({ kind }) =>
      listOrNone(broker, kind, ofMembers),
    ),
  ]);
  return { identities, leases, records: records.flat() };
}

/** An empty list where the API server does not even know the kind. */
export async function listOrNone<T extends KubeObject>(
  store: ObjectStore,
  kind: Kind<T>,
  selector: Parameters<ObjectStore['list']>[1],
): Promise<T[]> {
  try {
    return await store.list(kind, selector);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not-found') return [];
    throw error;
  }
}
