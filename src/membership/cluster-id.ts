import type { ClusterId } from '../api/identity.ts';
import { parseClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';
import { Refusal } from './refusal.ts';

/** The name of the ClusterProperty that holds a cluster's id (KEP-2149). */
const PROPERTY = 'cluster.clusterset.k8s.io';

/** The versions of about.k8s.io in the field: the second is all that older installations serve. */
const VERSIONS = ['about.k8s.io/v1beta1', 'about.k8s.io/v1alpha1'];

/** What the cluster's own ClusterProperty says that it is called, where there is one. */
async function clusterProperty(member: ObjectStore): Promise<string | undefined> {
  for (const apiVersion of VERSIONS) {
    try {
      const property = await member.get({ ...Kinds.ClusterProperty, apiVersion }, { name: PROPERTY });
      if (property !== undefined) return property.spec.value;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
    }
  }
  return undefined;
}

/**
 * The cluster's id: its ClusterProperty where it has one (KEP-2149), else what the user gave. The two may
 * not contradict each other.
 *
 * @throws Refusal `id-differs`, `id-missing`, or `id-invalid` where the property is no DNS label
 */
export async function clusterIdOf(member: ObjectStore, given: ClusterId | undefined): Promise<ClusterId> {
  const property = await clusterProperty(member);
  if (property !== undefined) {
    const id = parseProperty(property, member.location);
    if (given === undefined || given === id) return id;
    throw new Refusal(
      'id-differs',
      `${member.location} says that it is "${id}" (ClusterProperty ${PROPERTY}), --cluster-id says "${given}"; ` +
        `leave --cluster-id out, or change the property`,
    );
  }
  if (given !== undefined) return given;
  throw new Refusal(
    'id-missing',
    `${member.location} has no ClusterProperty ${PROPERTY} that says what it is called; give --cluster-id`,
  );
}

function parseProperty(value: string, location: string): ClusterId {
  try {
    return parseClusterId(value);
  } catch (cause) {
    throw new Refusal(
      'id-invalid',
      `ClusterProperty ${PROPERTY} at ${location}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/**
 * The uid of the `kube-system` namespace: every cluster has one, no two have the same, and it never changes.
 *
 * @throws StoreError where it can't be read
 */
export async function clusterUidOf(member: ObjectStore): Promise<string> {
  const namespace = await member.get(Kinds.Namespace, { name: 'kube-system' });
  const uid = namespace?.metadata.uid;
  if (uid === undefined) {
    throw new StoreError('not-found', `${member.location} has no namespace kube-system with a uid`);
  }
  return uid;
}
