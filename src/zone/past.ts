import { answer } from './answer.ts';
import { reverseAddresses } from './answer-reverse.ts';
import type { ZoneData } from './found.ts';
import type { Remembered } from './history.ts';
import type { ImportModel } from './import-model.ts';
import type { Answer, Asker, Question } from './records.ts';
import { type Reachability, whyUnreachable } from './reachability.ts';
import { compileFrom, type ServiceContext, type ServiceView } from './service.ts';
import type { SliceModel } from './slice-model.ts';
import type { ServiceKey } from './zone-index.ts';

/** What a zone is now, for undoing its changes. */
export interface Present {
  readonly data: ZoneData;
  readonly context: ServiceContext;
  readonly reachability: Reachability;
  readonly drained: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<
    ServiceKey,
    { readonly model: ImportModel | undefined; readonly slices: ReadonlyMap<string, SliceModel> }
  >;
}

/** A zone as it was: it answers as it did, and never changes. */
export class PastZone {
  readonly #present: Present;
  readonly #context: ServiceContext;
  readonly #data: ZoneData;
  readonly #models = new Map<ServiceKey, ImportModel | undefined>(); // of what has changed since
  readonly #slices = new Map<ServiceKey, Map<string, SliceModel | undefined>>(); // likewise
  /** Of keys that have changed since; of all where who can be reached, or is drained, has. */
  readonly #views = new Map<ServiceKey, ServiceView | undefined>();
  readonly #isOtherContext: boolean;
  readonly synced = true;
  readonly rejected: ReadonlyMap<string, string> = new Map();

  /** @param undone the changes since then, the latest first */
  constructor(present: Present, undone: Iterable<Remembered>) {
    let { reachability, drained } = present;
    let { staleSince, serial } = present.data;
    for (const change of undone) {
      ({ serial } = change);
      switch (change.of) {
        case 'import':
          this.#models.set(change.key, change.before);
          break;
        case 'slice': {
          const slices = this.#slices.get(change.key) ?? new Map<string, SliceModel | undefined>();
          this.#slices.set(change.key, slices.set(change.slice, change.before));
          break;
        }
        case 'reachability':
          reachability = change.before;
          break;
        case 'drained':
          drained = change.before;
          break;
        case 'stale':
          staleSince = change.before;
          break;
        default:
          change satisfies never;
      }
    }
    this.#present = present;
    this.#isOtherContext = reachability !== present.reachability || drained !== present.drained;
    this.#context = {
      ...present.context,
      unreachable: (cluster) => whyUnreachable(reachability, cluster),
      drained: (cluster) => drained.get(cluster),
    };
    this.#data = {
      ...present.data,
      synced: true,
      staleSince,
      serial,
      service: (namespace, name) => this.#view(`${namespace}/${name}`),
      hasNamespace: (namespace) =>
        this.#keys().some((key) => key.startsWith(`${namespace}/`) && this.#has(key)),
      ownersOf: (address) =>
        this.#keys()
          .sort()
          .flatMap((key) => this.#view(key) ?? [])
          .filter((view) => reverseAddresses(view).includes(address)),
    };
  }

  get origins(): ZoneData['origins'] {
    return this.#data.origins;
  }

  get staleSince(): string | undefined {
    return this.#data.staleSince;
  }

  answer(question: Question, asker: Asker): Answer {
    return answer(this.#data, question, asker);
  }

  service(namespace: string, name: string): ServiceView | undefined {
    return this.#data.service(namespace, name);
  }

  hasNamespace(namespace: string): boolean {
    return this.#data.hasNamespace(namespace);
  }

  *services(): Generator<ServiceView> {
    for (const key of this.#keys()) {
      const view = this.#view(key);
      if (view !== undefined) yield view;
    }
  }

  #keys(): ServiceKey[] {
    return [...new Set([...this.#present.services.keys(), ...this.#models.keys()])];
  }

  #model(key: ServiceKey): ImportModel | undefined {
    return this.#models.has(key) ? this.#models.get(key) : this.#present.services.get(key)?.model;
  }

  #has(key: ServiceKey): boolean {
    return this.#model(key) !== undefined;
  }

  #view(key: ServiceKey): ServiceView | undefined {
    if (!this.#isOtherContext && !this.#models.has(key) && !this.#slices.has(key)) {
      const [namespace = '', name = ''] = key.split('/');
      return this.#present.data.service(namespace, name);
    }
    if (!this.#views.has(key)) this.#views.set(key, this.#compiled(key));
    return this.#views.get(key);
  }

  #compiled(key: ServiceKey): ServiceView | undefined {
    const slices = new Map(this.#present.services.get(key)?.slices);
    for (const [name, slice] of this.#slices.get(key) ?? []) {
      if (slice === undefined) slices.delete(name);
      else slices.set(name, slice);
    }
    return compileFrom(this.#model(key), slices, this.#context);
  }
}
