import { type Kind, keyOf } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { ObjectStore } from '../store/store.ts';
import type { AgentCounters } from './counters.ts';

/** Writes to one side, counted; a step that fails rejects, and the reconciler tries again. */
export class Writer {
  readonly #side: 'member' | 'broker';
  readonly #store: ObjectStore;
  readonly #counters: AgentCounters;
  readonly #log: Log;

  constructor(side: 'member' | 'broker', store: ObjectStore, counters: AgentCounters, log: Log) {
    this.#side = side;
    this.#store = store;
    this.#counters = counters;
    this.#log = log;
  }

  /** All at the same time: the objects do not depend on each other. */
  async apply<T extends KubeObject>(kind: Kind<T>, objects: readonly T[]): Promise<void> {
    await this.#all('applied', kind, objects, (object) => this.#store.apply(kind, object));
  }

  async applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<void> {
    await this.#all('status applied', kind, [object], () => this.#store.applyStatus(kind, object));
  }

  async remove<T extends KubeObject>(kind: Kind<T>, objects: readonly T[]): Promise<void> {
    await this.#all('removed', kind, objects, ({ metadata: { name, namespace } }) =>
      this.#store.remove(kind, namespace === undefined ? { name } : { name, namespace }),
    );
  }

  async #all<T extends KubeObject>(
    done: string,
    kind: Kind<T>,
    objects: readonly T[],
    write: (object: T) => Promise<unknown>,
  ): Promise<void> {
    const results = await Promise.allSettled(
      objects.map(async (object) => {
        try {
          await write(object);
          this.#counters.writes[this.#side]++;
          this.#log.debug({ on: this.#side, kind: kind.kind, name: keyOf(object) }, done);
        } catch (error) {
          this.#counters.writeErrors[this.#side]++;
          throw error;
        }
      }),
    );
    // One failure is enough to try again; the others are seen then.
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
