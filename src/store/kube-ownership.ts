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
 * JSON patch (RFC 6902) that makes that creation count as our one apply so far, so that the next one
 * removes what it leaves out; undefined where there is nothing to do. It fails when the object changed since.
 */
export function adoptionPatch(stored: KubeObject): object[] | undefined {
  const { managedFields = [], resourceVersion } = stored.metadata as KubeObject['metadata'] & {
    managedFields?: readonly ManagedFields[];
  };
  const indexOf = (operation: string): number =>
    managedFields.findIndex(
      (entry) => entry.manager === FIELD_MANAGER && entry.operation === operation && !entry.subresource,
    );
  const [created, applied] = [indexOf('Update'), indexOf('Apply')];
  if (created < 0) return undefined;
  const path = (index: number): string => `/metadata/managedFields/${index}`;
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'replace', path: `${path(created)}/operation`, value: 'Apply' },
    ...(applied < 0 ? [] : [{ op: 'remove', path: path(applied) }]),
  ];
}
