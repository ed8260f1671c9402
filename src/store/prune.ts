import type { KubeObject } from '../api/objects.ts';

/** Bookkeeping that can be larger than the object: who set which field, and the manifest once more. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Drops from a freshly read object what Pharos never looks at, and makes it what its type says: an API server
 * sends null for the empty lists of an EndpointSlice. Changes and returns `object`.
 */
export function prune<T extends KubeObject>(object: T): T {
  // Made anew: an object that a field is deleted from takes half as much memory again.
  const { managedFields: _managedFields, ...metadata } = object.metadata as T['metadata'] & {
    managedFields?: unknown;
  };
  object.metadata = metadata as T['metadata'];
  if (metadata.annotations !== undefined && LAST_APPLIED in metadata.annotations) {
    delete metadata.annotations[LAST_APPLIED];
    if (Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
  }
  if (object.kind === 'EndpointSlice') {
    const slice = object as { endpoints?: unknown; ports?: unknown };
    slice.endpoints ??= [];
    slice.ports ??= [];
  }
  return object;
}
