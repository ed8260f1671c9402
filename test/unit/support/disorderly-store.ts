import type { KubeObject } from '../../../src/api/objects.ts';
import type { ObjectStore, WatchEvent } from '../../../src/store/store.ts';

/**
 * The store, but its watches tell changes twice, late, and in another order than they were made in. What
 * separates changes, snapshots above all, stays in its place.
 *
 * @param random integers from 0 up to, and not, its argument
 */
export function disorderly(store: ObjectStore, random: (end: number) => number): ObjectStore {
  const watch: ObjectStore['watch'] = async <T extends KubeObject>(
    kind: Parameters<ObjectStore['watch']>[0],
    selector: Parameters<ObjectStore['watch']>[1],
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> => {
    let held: WatchEvent<T>[] = [];
    const letGo = (): void => {
      const events = held;
      held = [];
      while (events.length > 0) {
        const [event] = events.splice(random(events.length), 1);
        if (event !== undefined && !signal.aborted) onEvent(event);
      }
    };
    await store.watch(
      kind,
      selector,
      (event) => {
        if (event.type !== 'set' && event.type !== 'removed') {
          letGo();
          onEvent(event as WatchEvent<T>);
          return;
        }
        held.push(...Array.from({ length: 1 + random(2) }, () => event as WatchEvent<T>));
        if (random(4) === 0) letGo();
        else setImmediate(letGo);
      },
      signal,
    );
  };
  return new Proxy(store, {
    get: (target, property) => {
      if (property === 'watch') return watch;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
