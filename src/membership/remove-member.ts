import type { ClusterId } from '../api/identity.ts';
import type { Kind } from '../api/kinds.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY } from '../api/names.ts';
import type { ObjectRef, ObjectStore } from '../store/store.ts';
import { listOrNone } from './members.ts';
import { RECORD_KINDS } from './record-kinds.ts';

/** An object that is to go. */
export interface Removal {
  readonly kind: Kind;
  readonly ref: ObjectRef;
}

const IDENTITY_KINDS: readonly Kind[] = [Kinds.RoleBinding, Kinds.Role, Kinds.ServiceAccount];

/**
 * All that a member has on the broker, in the order in which it goes: first its right to write, then its
 * records, and last the ServiceAccount, which is the claim on the id. Found by label alone, so that what an
 * interrupted removal left is found, too.
 */
export async function planMemberRemoval(
  broker: ObjectStore,
  namespace: string,
  cluster: ClusterId,
): Promise<Removal[]> {
  const own = { [Label.sourceCluster]: cluster };
  const find = async (kind: Kind, labels: Record<string, string>): Promise<Removal[]> => {
    const objects = await listOrNone(broker, kind, { namespace, labels });
    return objects.map(({ metadata: { name } }) => ({ kind, ref: { name, namespace } }));
  };
  const identity = { ...own, [Label.importManagedBy]: MANAGED_BY };
  const [bindings, ...rest] = await Promise.all([
    find(Kinds.RoleBinding, identity),
    ...RECORD_KINDS.map(({ kind }) => find(kind, own)),
    ...IDENTITY_KINDS.slice(1).map((kind) => find(kind, identity)),
  ]);
  return [...bindings, ...rest.flat()];
}

/** Requests at a time for objects of one kind, whose order does not matter. */
const AT_ONCE = 8;

/** Removes kind after kind, in the given order. @returns how many objects were still there. */
export async function removeAll(store: ObjectStore, removals: readonly Removal[]): Promise<number> {
  let removed = 0;
  for (let from = 0; from < removals.length;) {
    const window = removals.slice(from, from + AT_ONCE);
    const { kind } = window[0]!;
    const others = window.findIndex((removal) => removal.kind !== kind);
    const batch = others < 0 ? window : window.slice(0, others);
    const outcomes = await Promise.all(batch.map(({ ref }) => store.remove(kind, ref)));
    removed += outcomes.filter((outcome) => outcome === 'removed').length;
    from += batch.length;
  }
  return removed;
}

/**
 * Takes a member off the broker, identity and records, and returns how many objects that were. A write of
 * the member that was under way when its rights ended may arrive late, so it looks once more at the end.
 */
export async function removeMember(
  broker: ObjectStore,
  namespace: string,
  cluster: ClusterId,
): Promise<number> {
  const removed = await removeAll(broker, await planMemberRemoval(broker, namespace, cluster));
  return removed + (await removeAll(broker, await planMemberRemoval(broker, namespace, cluster)));
}
