import type { ClusterId } from '../api/identity.ts';
import { type Drain, type Drained, DRAINED_NAME, drainedManifest, parseDrained } from '../api/drained.ts';
import { Kinds } from '../api/kinds.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';

/** How often to begin anew when somebody else drains at the same moment. */
const ATTEMPTS = 5;

/**
 * Makes the broker say that a cluster is drained, or with `undefined` that it is not.
 *
 * @returns what it said before
 */
export function setDrain(
  broker: ObjectStore,
  namespace: string,
  cluster: ClusterId,
  drain: Drain | undefined,
): Promise<Drain | undefined> {
  return changeDrained(broker, namespace, (drained) => {
    const before = drained.get(cluster);
    const others = [...drained].filter(([id]) => id !== cluster);
    return {
      before,
      after: new Map(drain === undefined ? others : [...others, [cluster, drain] as const]),
    };
  });
}

async function changeDrained(
  broker: ObjectStore,
  namespace: string,
  change: (drained: Drained) => { readonly before: Drain | undefined; readonly after: Drained },
): Promise<Drain | undefined> {
  for (let attempt = 1; ; attempt++) {
    const found = await broker.get(Kinds.ConfigMap, { namespace, name: DRAINED_NAME });
    const { before, after } = change(parseDrained(found));
    if (found === undefined && after.size === 0) return before;
    const { uid, resourceVersion } = found?.metadata ?? {};
    const wanted = drainedManifest(namespace, after);
    const metadata = { ...wanted.metadata, ...(uid !== undefined && { uid }) };
    try {
      const condition = resourceVersion === undefined ? ('absent' as const) : { resourceVersion };
      await broker.apply(Kinds.ConfigMap, { ...wanted, metadata }, { if: condition });
      return before;
    } catch (error) {
      const isRace = error instanceof StoreError && error.code === 'conflict';
      if (!isRace || attempt === ATTEMPTS) throw error;
    }
  }
}
