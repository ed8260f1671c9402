import { isDnsLabel } from '../api/identity.ts';
import { Annotation, Label, MANAGED_BY } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { RecordOwner } from './record-name.ts';

/** The labels of a record on the broker, ServiceImport or EndpointSlice. */
export const recordLabels = (owner: RecordOwner): Record<string, string> => ({
  [Label.sourceCluster]: owner.cluster,
  [Label.serviceName]: owner.service,
  [Label.sourceNamespace]: owner.namespace,
  [Label.importManagedBy]: MANAGED_BY,
});

/** Whose record the labels say it is; undefined where they do not say. */
export function ownerOf(object: KubeObject): RecordOwner | undefined {
  const labels = object.metadata.labels ?? {};
  const cluster = labels[Label.sourceCluster];
  const service = labels[Label.serviceName];
  const namespace = labels[Label.sourceNamespace];
  if (cluster === undefined || service === undefined || namespace === undefined) return undefined;
  return { cluster, service, namespace };
}

/** `namespace/service`: the key that everything of one service is reconciled under. */
export const serviceKey = (namespace: string, service: string): string => `${namespace}/${service}`;

/** The key of what claims to be a record and does not say of which service: of no service, but somebody's. */
export const NO_SERVICE = '?';

/** The key of the service that a record is of. */
export function recordKey(object: KubeObject): string {
  const owner = ownerOf(object);
  if (owner === undefined || !Object.values(owner).every(isDnsLabel)) return NO_SERVICE;
  return serviceKey(owner.namespace, owner.service);
}

/**
 * Whether Pharos made this ServiceImport or EndpointSlice of a member out of records. The records themselves
 * are not: where the broker is a member too, they stand beside the imports in one API server. A ServiceImport
 * whose label somebody took away still bears an annotation that nobody else makes.
 */
export function isImported({ metadata: { labels = {}, annotations = {} } }: KubeObject): boolean {
  const isOurs =
    labels[Label.importManagedBy] === MANAGED_BY ||
    labels[Label.managedBy] === MANAGED_BY ||
    annotations[Annotation.exports] !== undefined;
  return isOurs && labels[Label.sourceNamespace] === undefined;
}
