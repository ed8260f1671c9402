/** What to write so that a store holds what it should: the difference, and nothing that is there already. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/objects.ts';

export interface Plan<T extends KubeObject> {
  readonly apply: readonly T[];
  readonly remove: readonly T[];
}

/**
 * Objects are the same by name; what matters of them is what Pharos sets: labels, annotations and all
 * fields beside `metadata` and `status`. What cannot become what is desired is removed; the plan after that
 * applies it anew.
 *
 * @param actual only objects that are Pharos's own: what is not desired among them is removed
 */
export function plan<T extends KubeObject>(desired: readonly T[], actual: readonly T[]): Plan<T> {
  const wanted = new Map(desired.map((object) => [object.metadata.name, object]));
  const present = new Map(actual.map((object) => [object.metadata.name, object]));
  return {
    apply: desired.filter((object) => {
      const there = present.get(object.metadata.name);
      return there === undefined || (canBecome(there, object) && !sameContent(object, there));
    }),
    remove: actual.filter((object) => {
      const goal = wanted.get(object.metadata.name);
      return goal === undefined || !canBecome(object, goal);
    }),
  };
}

/** Whether applying `wanted` over `there` would change nothing. */
export function sameContent<T extends KubeObject>(wanted: T, there: T): boolean {
  return isDeepStrictEqual(contentOf(wanted), contentOf(there));
}

/** An API server refuses to change an EndpointSlice's address type. */
function canBecome(there: KubeObject, wanted: KubeObject): boolean {
  const typeOf = (object: KubeObject & { addressType?: string }): string | undefined => object.addressType;
  return typeOf(there) === typeOf(wanted);
}

function contentOf(object: KubeObject): unknown {
  const { metadata, status: _status, ...rest } = object as KubeObject & { status?: unknown };
  const { labels = {}, annotations = {} } = metadata;
  return { content: compact(rest), labels: { ...labels }, annotations: { ...annotations } };
}

/** Empty and absent are the same to an API server, which drops some empty values and keeps others. */
function compact(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(compact);
  if (typeof value !== 'object' || value === null) return value === '' ? undefined : value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, compact(inner)] as const)
    .filter(([, inner]) => inner !== undefined && inner !== null);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
