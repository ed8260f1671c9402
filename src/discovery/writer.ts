import { type Kind, keyOf } from '../api/kinds.ts';
import { Annotation } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { ObjectCache } from '../store/cache.ts';
import { type ApplyOptions, type ObjectStore, StoreError } from '../store/store.ts';
import type { AgentCounters, Outcome, Side } from './counters.ts';
import { type Plan, plan, sameContent } from './plan.ts';
import { together } from './steps.ts';

/** A kind of one side, and what is known of it. */
export interface Shelf<T extends KubeObject> {
  readonly kind: Kind<T>;
  readonly cache: Pick<ObjectCache<T, string>, 'wrote' | 'removed'>;
}

/**
 * Writes to one side. What was written is in the cache at once. All writes of a call go out at the same
 * time; if some fail the others are still made, and then it rejects with one of the errors.
 */
export class Writer {
  readonly #side: Side;
  readonly #store: ObjectStore;
  readonly #counters: AgentCounters;
  readonly #log: Log;
  /** Objects that differ from what we applied even right after that: kind and key → version, and what was applied. */
  readonly #settled = new Map<string, { readonly version: string | undefined; readonly applied: string }>();

  constructor(side: Side, store: ObjectStore, counters: AgentCounters, log: Log) {
    this.#side = side;
    this.#store = store;
    this.#counters = counters;
    this.#log = log;
  }

  /** As {@link plan}, without what has been applied already and is as similar as it gets: others add labels of their own. */
  plan<T extends KubeObject>(shelf: Shelf<T>, desired: readonly T[], actual: readonly T[]): Plan<T> {
    const { apply, remove } = plan(desired, actual);
    if (this.#settled.size === 0) return { apply, remove };
    const versions = new Map(actual.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    const isSettled = (object: T): boolean => {
      const settled = this.#settled.get(place(shelf.kind, object));
      const version = versions.get(object.metadata.name);
      return version !== undefined && settled?.version === version && settled.applied === textOf(object);
    };
    return { apply: apply.filter((object) => !isSettled(object)), remove };
  }

  apply<T extends KubeObject>(
    shelf: Shelf<T>,
    objects: readonly T[],
    options: ApplyOptions = {},
  ): Promise<void> {
    return this.#all(shelf, objects, async (object) => {
      const stored = await this.#store.apply(shelf.kind, object, options);
      if (sameContent(object, stored)) this.#settled.delete(place(shelf.kind, object));
      else {
        const version = stored.metadata.resourceVersion;
        this.#settled.set(place(shelf.kind, object), { version, applied: textOf(object) });
      }
      shelf.cache.wrote(stored);
      return 'applied';
    });
  }

  applyStatus<T extends KubeObject>(shelf: Shelf<T>, object: T): Promise<void> {
    return this.#all(shelf, [object], async () => {
      shelf.cache.wrote(await this.#store.applyStatus(shelf.kind, object));
      return 'applied';
    });
  }

  remove<T extends KubeObject>(shelf: Shelf<T>, objects: readonly T[]): Promise<void> {
    return this.#all(shelf, objects, async (object) => {
      const { name, namespace } = object.metadata;
      await this.#store.remove(shelf.kind, namespace === undefined ? { name } : { name, namespace });
      this.#settled.delete(place(shelf.kind, object));
      shelf.cache.removed(object);
      return 'removed';
    });
  }

  async #all<T extends KubeObject>(
    { kind }: Shelf<T>,
    objects: readonly T[],
    write: (object: T) => Promise<Outcome>,
  ): Promise<void> {
    await together(
      objects.map(async (object) => {
        try {
          const outcome = await write(object);
          this.#counters.wrote(this.#side, outcome);
          const fields = { side: this.#side, kind: kind.kind, name: keyOf(object), outcome };
          this.#log.debug(fields, 'Wrote an object');
        } catch (error) {
          if (error instanceof StoreError) this.#counters.wrote(this.#side, error.code);
          throw error;
        }
      }),
    );
  }
}

/** Without when it changed, which is no part of what is wanted. */
const textOf = (object: KubeObject): string =>
  JSON.stringify(object, (name, value: unknown) => (name === Annotation.changed ? undefined : value));

const place = (kind: Kind, object: KubeObject): string => `${kind.kind} ${keyOf(object)}`;
