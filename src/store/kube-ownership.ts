import { FIELD_MANAGER } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
}

/**
 * Server-side apply removes a field that we leave out only when our *applies* own it. What we created by
 * POST (the only way to say "only if absent") is owned by our *updates* instead, for good. This is the
 * JSON patch (RFC 6902) that hands those fields over; undefined where there are none. It fails when the
 * object changed since.
 */
export function adoptionPatch(stored: KubeObject): object[] | undefined {
  const { managedFields = [], resourceVersion } = stored.metadata as KubeObject['metadata'] & {
    managedFields?: readonly ManagedFields[];
  };
  const isOurs = (entry: ManagedFields, operation: string): boolean =>
    entry.manager === FIELD_MANAGER && entry.operation === operation && !entry.subresource;
  const at = managedFields.findIndex((entry) => isOurs(entry, 'Update'));
  if (at < 0) return undefined;
  const path = `/metadata/managedFields/${at}`;
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    managedFields.some((entry) => isOurs(entry, 'Apply'))
      ? { op: 'remove', path }
      : { op: 'replace', path: `${path}/operation`, value: 'Apply' },
  ];
}
