import { isDeepStrictEqual } from 'node:util';
import { type Kind, keyOf } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { matches } from './selector.ts';
import type { ObjectStore, Selector, StoreError, WatchEvent } from './store.ts';

/** Told of each difference once: created (`before` absent), changed, or gone (`after` absent). Must not throw. */
export type ChangeListener<T extends KubeObject> = (
  key: string,
  before: T | undefined,
  after: T | undefined,
) => void;

/** Under which values an object is found in an index: none, one or several. Pure. */
export type IndexBy<T extends KubeObject> = (object: T) => readonly string[];

export interface ObjectCacheOptions<T extends KubeObject, I extends string> {
  readonly store: ObjectStore;
  readonly kind: Kind<T>;
  readonly selector?: Selector;
  readonly indexes?: Readonly<Record<I, IndexBy<T>>>;
  readonly clock: Clock;
}

/** Since when (ms since 1970) and why the store is out of sight. */
export interface Interruption {
  readonly since: number;
  readonly error: StoreError;
}

/** Events that come late come soon after those that they should have come before. */
const MAX_ENDED = 1000;

/**
 * A store's objects of one kind, held in memory and kept up to date. While the store is out of sight it
 * goes on with the last known state, and says so.
 */
export class ObjectCache<T extends KubeObject, I extends string = never> {
  readonly #options: ObjectCacheOptions<T, I>;
  readonly #objects = new Map<string, T>(); // keyOf() → object
  readonly #indexes = new Map<I, { by: IndexBy<T>; keys: Map<string, Set<string>> }>(); // name → value → keys
  readonly #listeners = new Set<ChangeListener<T>>();
  readonly #sightListeners = new Set<(inSight: boolean) => void>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  /** What the watch told last. */
  #told: T | undefined;
  /** Of objects that the watch told the end of lately: key → the end. What is older and comes late must not bring them back. */
  readonly #ended = new Map<string, T>();
  #interruption: Interruption | undefined;

  constructor(options: ObjectCacheOptions<T, I>) {
    this.#options = options;
    for (const [name, by] of Object.entries<IndexBy<T>>(options.indexes ?? {})) {
      this.#indexes.set(name as I, { by, keys: new Map() });
    }
  }

  /** Whether a complete list has been seen. Until then, what is not here may well exist. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Resolves when {@link isSynced} becomes true and the listeners have been told of all objects. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Present while the store is out of sight. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** @param key as {@link keyOf} gives it. */
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** The objects that the index `name` files under `value`, in no particular order. */
  find(name: I, value: string): T[] {
    const keys = this.#indexes.get(name)?.keys.get(value);
    if (keys === undefined) return [];
    return [...keys].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** The values that the index `name` has objects for. */
  indexed(name: I): string[] {
    return [...(this.#indexes.get(name)?.keys.keys() ?? [])];
  }

  /**
   * Calls `listener` with each difference from now on, after the cache has it. After a time out of sight
   * only what really differs is told, removals included. @returns the unsubscriber.
   */
  onChange(listener: ChangeListener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls `listener` when the store gets out of sight (false) and when it is followed again (true), at the
   * moment {@link interruption} has changed. Must not throw. @returns the unsubscriber.
   */
  onSight(listener: (inSight: boolean) => void): () => void {
    this.#sightListeners.add(listener);
    return () => this.#sightListeners.delete(listener);
  }

  /**
   * Takes in what the store answered to a write, ahead of the watch that will say the same: who decides by
   * the cache right after a write decides by its result. Of no effect before the first complete list.
   */
  wrote(object: T): void {
    if (!this.#isSynced) return;
    // The watch has told all that came before what it told last: also of the end of this object.
    if (this.#told !== undefined && isOlder(object, this.#told)) return;
    const isOurs = matches(this.#options.selector ?? {}, object);
    this.#advance(keyOf(object), object, isOurs ? object : undefined);
  }

  /** Likewise for an object that the store has removed; what is there under its name since then stays. */
  removed(object: T): void {
    const key = keyOf(object);
    if (this.#objects.get(key)?.metadata.uid === object.metadata.uid) this.#change(key, undefined);
  }

  /** Follows the store until `signal` aborts; call it once. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    const { store, kind, selector = {} } = this.#options;
    return store.watch(kind, selector, (event) => this.#onEvent(event), signal);
  }

  #onEvent(event: WatchEvent<T>): void {
    switch (event.type) {
      case 'snapshot':
        this.#replace(event.objects);
        break;
      case 'set':
        this.#told = event.object;
        this.#advance(keyOf(event.object), event.object, event.object);
        break;
      case 'removed':
        this.#told = event.object;
        this.#end(keyOf(event.object), event.object);
        break;
      case 'interrupted': {
        const wasInSight = this.#interruption === undefined;
        this.#interruption = {
          since: this.#interruption?.since ?? this.#options.clock.now(),
          error: event.error,
        };
        if (wasInSight) for (const listener of this.#sightListeners) listener(false);
        break;
      }
      case 'live':
        if (this.#interruption === undefined) break;
        this.#interruption = undefined;
        for (const listener of this.#sightListeners) listener(true);
        break;
      default:
        event satisfies never;
    }
  }

  #replace(objects: Iterable<T>): void {
    this.#ended.clear();
    const gone = new Set(this.#objects.keys());
    for (const object of objects) {
      const key = keyOf(object);
      gone.delete(key);
      this.#change(key, object);
    }
    for (const key of gone) this.#change(key, undefined);
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#synced.resolve();
  }

  #end(key: string, end: T): void {
    const known = this.#ended.get(key);
    const last = known !== undefined && isOlder(end, known) ? known : end;
    this.#ended.delete(key);
    this.#ended.set(key, last);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MAX_ENDED && oldest !== undefined) this.#ended.delete(oldest);
    this.#advance(key, end, undefined);
  }

  /** A change that `version` tells of, unless what is here is younger: a write's answer may overtake the watch. */
  #advance(key: string, version: T, after: T | undefined): void {
    const known = this.#objects.get(key) ?? this.#ended.get(key);
    if (known === undefined || !isOlder(version, known)) this.#change(key, after);
  }

  #change(key: string, after: T | undefined): void {
    const before = this.#objects.get(key);
    if (before === after || (before && after && isSame(before, after))) return;
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    for (const { by, keys } of this.#indexes.values()) {
      const now = new Set(after && by(after));
      for (const value of before === undefined ? [] : by(before)) {
        if (!now.has(value)) unfile(keys, value, key);
      }
      for (const value of now) file(keys, value, key);
    }
    for (const listener of this.#listeners) listener(key, before, after);
  }
}

/** Equal versions of one object are equal; stores without versions are compared by content. */
function isSame(a: KubeObject, b: KubeObject): boolean {
  if (a.metadata.resourceVersion !== undefined && b.metadata.resourceVersion !== undefined) {
    return a.metadata.resourceVersion === b.metadata.resourceVersion && a.metadata.uid === b.metadata.uid;
  }
  return isDeepStrictEqual(a, b);
}

/** By the versions' order, where the store gives numbers (as every API server does; since Kubernetes 1.35 by contract). */
function isOlder(a: KubeObject, b: KubeObject): boolean {
  const [left = '', right = ''] = [a.metadata.resourceVersion, b.metadata.resourceVersion];
  if (!/^[1-9]\d*$/.test(left) || !/^[1-9]\d*$/.test(right)) return false;
  return left.length === right.length ? left < right : left.length < right.length;
}

function file(index: Map<string, Set<string>>, value: string, key: string): void {
  const keys = index.get(value);
  if (keys === undefined) index.set(value, new Set([key]));
  else keys.add(key);
}

function unfile(index: Map<string, Set<string>>, value: string, key: string): void {
  const keys = index.get(value);
  if (keys?.delete(key) === true && keys.size === 0) index.delete(value);
}
