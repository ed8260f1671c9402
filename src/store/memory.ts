import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isDnsLabel } from '../api/identity.ts';
import { type Kind, keyOf } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { matches } from './selector.ts';
import {
  type ApplyOptions,
  type ObjectRef,
  type ObjectStore,
  type Selector,
  StoreError,
  type WatchEvent,
} from './store.ts';

type AnyEvent = WatchEvent<KubeObject>;
type WithStatus = KubeObject & { status?: unknown };

interface Watcher {
  readonly selector: Selector;
  readonly send: (event: AnyEvent) => void;
}

/** The objects of one kind and who follows them. */
interface Shelf {
  readonly objects: Map<string, KubeObject>; // keyOf() → object, frozen
  readonly watchers: Set<Watcher>;
}

/**
 * Objects in this process's memory. It gives uid, creationTimestamp, generation and resourceVersion as an
 * API server does. All that is in it was applied through it, so the fields "that we applied earlier" are
 * all fields. What it hands out is deeply frozen: who tries to change it gets a TypeError.
 */
export class MemoryStore implements ObjectStore {
  readonly location: string;
  readonly #clock: Clock;
  readonly #shelves = new Map<string, Shelf>(); // apiVersion/plural → objects and watchers
  #version = 0;

  constructor(options: { readonly location: string; readonly clock: Clock }) {
    this.location = options.location;
    this.#clock = options.clock;
  }

  async list<T extends KubeObject>(kind: Kind<T>, selector: Selector = {}): Promise<T[]> {
    return this.#select(kind, selector) as T[];
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    return this.#shelf(kind).objects.get(refKey(kind, ref)) as T | undefined;
  }

  async watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    // Events are delivered later, each watcher's in order: a listener that applies something in turn must
    // not have others see the second change before the first.
    const pending: AnyEvent[] = [{ type: 'snapshot', objects: this.#select(kind, selector) }];
    const deliver = (): void => {
      for (let event = pending[0]; event !== undefined && !signal.aborted; event = pending[0]) {
        onEvent(event as WatchEvent<T>);
        pending.shift();
      }
    };
    queueMicrotask(deliver);
    const watcher: Watcher = {
      selector,
      send: (event) => {
        if (pending.push(event) === 1) queueMicrotask(deliver);
      },
    };
    const { watchers } = this.#shelf(kind);
    watchers.add(watcher);
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    watchers.delete(watcher);
  }

  async apply<T extends KubeObject>(kind: Kind<T>, object: T, options: ApplyOptions = {}): Promise<T> {
    const key = this.#check(kind, object);
    const before: WithStatus | undefined = this.#shelf(kind).objects.get(key);
    const { status: _ours, metadata, ...content } = structuredClone(object) as WithStatus;
    if (options.if === 'unclaimed') this.#checkUnclaimed(kind, key, before, { ...content, metadata });
    else this.#checkCondition(kind, key, before, options.if);
    const after: WithStatus = {
      ...content,
      metadata: {
        ...metadata,
        uid: before?.metadata.uid ?? randomUUID(),
        creationTimestamp: before?.metadata.creationTimestamp ?? wholeSeconds(this.#clock.now()),
        generation: before?.metadata.generation ?? 1,
        resourceVersion: before?.metadata.resourceVersion ?? '',
      },
    };
    if (before?.status !== undefined) after.status = before.status;
    if (before !== undefined) {
      if (isDeepStrictEqual(before, after)) return before as T;
      if (!isDeepStrictEqual(contentOf(before), contentOf(after))) {
        after.metadata.generation = (before.metadata.generation ?? 1) + 1;
      }
    }
    return this.#put(kind, key, before, after) as T;
  }

  async applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    const key = this.#check(kind, object);
    const before: WithStatus | undefined = this.#shelf(kind).objects.get(key);
    if (before === undefined) {
      throw new StoreError(
        'not-found',
        `Cannot set the status of ${kind.kind} ${key} in ${this.location}: it does not exist; create it first`,
      );
    }
    const { status } = structuredClone(object) as WithStatus;
    if (isDeepStrictEqual(before.status, status)) return before as T;
    const { status: _dropped, ...rest } = before;
    const after = { ...rest, metadata: { ...before.metadata }, ...(status === undefined ? {} : { status }) };
    return this.#put(kind, key, before, after) as T;
  }

  async remove(kind: Kind, ref: ObjectRef): Promise<'removed' | 'absent'> {
    const shelf = this.#shelf(kind);
    const key = refKey(kind, ref);
    const before = shelf.objects.get(key);
    if (before === undefined) return 'absent';
    shelf.objects.delete(key);
    const last = asOf(before, String(++this.#version));
    for (const { selector, send } of shelf.watchers) {
      if (matches(selector, before)) send({ type: 'removed', object: last });
    }
    return 'removed';
  }

  #put(kind: Kind, key: string, before: KubeObject | undefined, after: KubeObject): KubeObject {
    const resourceVersion = String(++this.#version);
    after.metadata.resourceVersion = resourceVersion;
    freeze(after);
    const shelf = this.#shelf(kind);
    shelf.objects.set(key, after);
    for (const { selector, send } of shelf.watchers) {
      if (matches(selector, after)) send({ type: 'set', object: after });
      else if (before !== undefined && matches(selector, before)) {
        send({ type: 'removed', object: asOf(before, resourceVersion) });
      }
    }
    return after;
  }

  #select(kind: Kind, selector: Selector): KubeObject[] {
    const found = [...this.#shelf(kind).objects].filter(([, object]) => matches(selector, object));
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  #shelf(kind: Kind): Shelf {
    const name = `${kind.apiVersion}/${kind.plural}`;
    let shelf = this.#shelves.get(name);
    if (shelf === undefined) {
      shelf = { objects: new Map(), watchers: new Set() };
      this.#shelves.set(name, shelf);
    }
    return shelf;
  }

  /** @returns the object's key. @throws StoreError `invalid` for what no API server would take either. */
  #check(kind: Kind, object: KubeObject): string {
    const problem =
      object.apiVersion !== kind.apiVersion || object.kind !== kind.kind
        ? `it is a ${object.apiVersion} ${object.kind}, must be a ${kind.apiVersion} ${kind.kind}`
        : !isObjectName(object.metadata.name)
          ? `metadata.name is "${object.metadata.name}", must be an RFC 1123 subdomain`
          : kind.namespaced !== (object.metadata.namespace !== undefined)
            ? `metadata.namespace must ${kind.namespaced ? 'be set' : 'be absent'}`
            : undefined;
    if (problem === undefined) return keyOf(object);
    throw new StoreError(
      'invalid',
      `Cannot apply ${kind.kind} ${keyOf(object)} in ${this.location}: ${problem}`,
    );
  }

  #checkUnclaimed(kind: Kind, key: string, before: KubeObject | undefined, wanted: KubeObject): void {
    if (before === undefined) return;
    const { labels, annotations } = before.metadata;
    const { labels: ourLabels, annotations: ourAnnotations } = wanted.metadata;
    const isAsWanted =
      isDeepStrictEqual(contentOf(before), contentOf(wanted)) &&
      isDeepStrictEqual([labels, annotations], [ourLabels, ourAnnotations]);
    if (isAsWanted) return;
    throw new StoreError(
      'conflict',
      `Cannot apply ${kind.kind} ${key} in ${this.location}: it exists, and is another`,
    );
  }

  #checkCondition(
    kind: Kind,
    key: string,
    before: KubeObject | undefined,
    condition: Exclude<ApplyOptions['if'], 'unclaimed'>,
  ): void {
    if (condition === undefined) return;
    const problem =
      condition === 'absent'
        ? before !== undefined && 'it exists already'
        : before?.metadata.resourceVersion !== condition.resourceVersion &&
          `its resourceVersion is ${before?.metadata.resourceVersion ?? 'none'}, wanted ${condition.resourceVersion}`;
    if (problem === false) return;
    throw new StoreError(
      'conflict',
      `Cannot apply ${kind.kind} ${key} in ${this.location}: ${problem}; read it again and retry`,
    );
  }
}

function refKey(kind: Kind, { name, namespace }: ObjectRef): string {
  return kind.namespaced ? `${namespace ?? ''}/${name}` : name;
}

/** RFC 1123 subdomain, the least that Kubernetes wants of any name. */
function isObjectName(name: string): boolean {
  return name.length <= 253 && name.split('.').every(isDnsLabel);
}

/** All but metadata and status: what `metadata.generation` counts the changes of. */
function contentOf({ metadata: _metadata, status: _status, ...content }: WithStatus): object {
  return content;
}

/** metav1.Time: RFC 3339 in whole seconds. */
function wholeSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The last state of an object that went out of sight, with the version at which it did. */
function asOf(object: KubeObject, resourceVersion: string): KubeObject {
  return freeze({ ...object, metadata: { ...object.metadata, resourceVersion } });
}

function freeze<T extends object>(object: T): T {
  for (const value of Object.values(object)) {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) freeze(value as object);
  }
  return Object.freeze(object);
}
