/** What to write so that a store holds what it should: the difference, and nothing that is there already. Pure. */
import { Annotation } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';

export interface Plan<T extends KubeObject> {
  readonly apply: readonly T[];
  readonly remove: readonly T[];
}

/**
 * Objects are the same by name; what matters of them is what Pharos sets: labels, annotations and all
 * fields beside `metadata` and `status`; not when it changed. What cannot become what is desired is removed; the plan after that
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
  const [a, b] = [wanted, there] as [Fields, Fields];
  const isSameField = (field: string): boolean =>
    field === 'metadata' || field === 'status' || isSame(a[field], b[field]);
  return (
    Object.keys(a).every(isSameField) &&
    Object.keys(b).every((field) => field in a || isSameField(field)) &&
    isSameMap(wanted.metadata.labels, there.metadata.labels) &&
    isSameMap(wanted.metadata.annotations, there.metadata.annotations)
  );
}

/** An API server refuses to change an EndpointSlice's address type. */
function canBecome(there: KubeObject, wanted: KubeObject): boolean {
  const typeOf = (object: KubeObject & { addressType?: string }): string | undefined => object.addressType;
  return typeOf(there) === typeOf(wanted);
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Empty and absent are the same to an API server, which drops some empty values and keeps others. Compared in
 * place: this is most of what an agent does, and copies would be most of its garbage.
 */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  }
  if (isFields(a) && isFields(b)) {
    return (
      Object.keys(a).every((field) => isSame(a[field], b[field])) &&
      Object.keys(b).every((field) => field in a || isNothing(b[field]))
    );
  }
  return isNothing(a) && isNothing(b);
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isFields(value) && Object.values(value).every(isNothing);
}

function isSameMap(
  a: Readonly<Record<string, string>> = {},
  b: Readonly<Record<string, string>> = {},
): boolean {
  const isNone = (name: string): boolean => name === Annotation.changed;
  return (
    Object.keys(a).every((name) => a[name] === b[name] || isNone(name)) &&
    Object.keys(b).every((name) => name in a || isNone(name))
  );
}
