import type { ServiceAccount } from '../api/administration.ts';
import { type Drain, type Drained, DRAINED_NAME, parseDrained } from '../api/drained.ts';
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
  /** Whether the last heartbeat is not older than it may be, by the clock of whoever looks. */
  readonly state: 'alive' | 'silent' | 'never-heard';
  /** Of the agent that sent it. */
  readonly version?: string;
  /** Absent unless an administrator took it out of all answers. */
  readonly drained?: Drain;
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
  readonly drained: Drained;
}

const clusterOf = (object: KubeObject): string | undefined => object.metadata.labels?.[Label.sourceCluster];

/**
 * Every cluster that has an identity or left records, by name. The Lease is the heartbeat and counts as
 * none of the records.
 *
 * @param now milliseconds since 1970
 */
export function membersOf(
  { identities, leases, records, drained }: BrokerContent,
  now: number,
): MemberStatus[] {
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
      const lease = leaseOf.get(cluster);
      const lastSeen = lease?.spec.renewTime;
      const version = lease?.metadata.annotations?.[Annotation.version];
      const drain = drained.get(cluster);
      return {
        cluster,
        ...(joined === undefined ? {} : { joined }),
        ...(clusterUid === undefined ? {} : { clusterUid }),
        ...(lastSeen === undefined ? {} : { lastSeen }),
        state: stateOf(lease, now),
        ...(version === undefined ? {} : { version }),
        ...(drain === undefined ? {} : { drained: drain }),
        services: count[Kinds.ServiceImport.kind] ?? 0,
        records: count,
      };
    });
}

/** For so long a heartbeat counts that does not say. */
const HEARTBEAT_SECONDS = 40;

function stateOf(lease: Lease | undefined, now: number): MemberStatus['state'] {
  const renewed = Date.parse(lease?.spec.renewTime ?? '');
  if (Number.isNaN(renewed)) return 'never-heard';
  return now - renewed <= (lease?.spec.leaseDurationSeconds ?? HEARTBEAT_SECONDS) * 1000 ? 'alive' : 'silent';
}

/** Reads what {@link membersOf} needs. Who is a member himself may not see identities, and gets none. */
export async function readBroker(broker: ObjectStore, namespace: string): Promise<BrokerContent> {
  const ofMembers = { namespace, labelExists: [Label.sourceCluster] };
  const [identities, drains, leases, ...records] = await Promise.all([
    identitiesOrNone(broker, { ...ofMembers, labels: { [Label.importManagedBy]: MANAGED_BY } }),
    listOrNone(broker, Kinds.ConfigMap, { namespace, name: DRAINED_NAME }),
    listOrNone(broker, Kinds.Lease, ofMembers),
    ...RECORD_KINDS.filter(({ kind }) => kind !== Kinds.Lease).map(({ kind }) =>
      listOrNone(broker, kind, ofMembers),
    ),
  ]);
  return { identities, leases, records: records.flat(), drained: parseDrained(drains[0]) };
}

async function identitiesOrNone(
  broker: ObjectStore,
  selector: Parameters<ObjectStore['list']>[1],
): Promise<ServiceAccount[]> {
  try {
    return await broker.list(Kinds.ServiceAccount, selector);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'forbidden') return [];
    throw error;
  }
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
