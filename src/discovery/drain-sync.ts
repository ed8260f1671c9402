/** Keeps this cluster's copy of which clusters are drained equal to what the broker says. */
import { DRAINED_NAME, drainedManifest, parseDrained } from '../api/drained.ts';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Writer } from './writer.ts';

export interface DrainSyncOptions {
  readonly member: ObjectStore;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  readonly toMember: Writer;
  readonly clock: Clock;
  /** Told when {@link DrainSync.reconcile} may have something to do. */
  readonly onChange: () => void;
}

export class DrainSync {
  readonly #toMember: Writer;
  readonly #there: ObjectCache<ReturnType<typeof drainedManifest>>;
  readonly #here: ObjectCache<ReturnType<typeof drainedManifest>>;

  constructor({ member, broker, brokerNamespace, toMember, clock, onChange }: DrainSyncOptions) {
    const cacheOf = (store: ObjectStore, namespace: string) =>
      new ObjectCache({ store, clock, kind: Kinds.ConfigMap, selector: { name: DRAINED_NAME, namespace } });
    this.#toMember = toMember;
    this.#there = cacheOf(broker, brokerNamespace);
    this.#here = cacheOf(member, SYSTEM_NAMESPACE);
    for (const cache of [this.#there, this.#here]) {
      cache.onChange(onChange);
      void cache.synced.then(onChange);
    }
  }

  /** Follows both until `signal` aborts. An older broker, or rights, without it take nothing from the rest. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#there.run(signal), this.#here.run(signal)]);
  }

  async reconcile(): Promise<void> {
    if (!this.#there.isSynced || !this.#here.isSynced) return;
    const [there] = this.#there.values();
    const [here] = this.#here.values();
    const wanted = drainedManifest(SYSTEM_NAMESPACE, parseDrained(there));
    if (here === undefined && Object.keys(wanted.data ?? {}).length === 0) return;
    const shelf = { kind: Kinds.ConfigMap, cache: this.#here };
    await this.#toMember.apply(shelf, this.#toMember.plan(shelf, [wanted], here ? [here] : []).apply);
  }
}
