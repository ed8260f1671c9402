import { type Kind, keyOf } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { type LoadedSnapshot, writeSnapshot } from './snapshot-file.ts';
import { type ObjectStore, type Selector, StoreError, type WatchEvent } from './store.ts';

/** Objects that a snapshot has: of which kind, and what of them. */
export interface SnapshotSource<T extends KubeObject = KubeObject> {
  readonly kind: Kind<T>;
  readonly cut: (object: T) => T;
}

export interface SnapshotStoreOptions {
  readonly path: string;
  readonly cluster: string;
  readonly zones: readonly string[];
  readonly sources: readonly SnapshotSource[];
  /** What is followed, as soon as it can be had. */
  readonly inner: Promise<Pick<ObjectStore, 'watch' | 'location'>>;
  /** What to begin with, where there is a good one; its objects are taken out of it. */
  readonly loaded?: LoadedSnapshot;
  readonly log: Log;
  readonly clock: Clock;
  /** At least so long between two writes, in ms. */
  readonly pauseMs?: number;
}

/** Plain numbers since the start, for metrics. */
export interface SnapshotCounters {
  writes: number;
  failures: number;
  /** When the file was written last, or was when it was loaded, in ms since 1970; 0 = there is none. */
  savedAt: number;
  /** Its length when it was written last. */
  bytes: number;
}

const PAUSE_MS = 10_000;
/** The first one is written soon, but not in the middle of a start. */
const FIRST_MS = 1000;

/**
 * A store that is followed, with a snapshot of it in a file. Watches begin with the file's objects, as out of
 * sight of the store until that has told its own; what the store tells is written down a while later. Each of
 * the sources may be watched once.
 */
export class SnapshotStore implements Pick<ObjectStore, 'watch' | 'location'> {
  location: string;
  readonly counters: SnapshotCounters = { writes: 0, failures: 0, savedAt: 0, bytes: 0 };
  readonly #options: SnapshotStoreOptions;
  readonly #objects = new Map<string, Map<string, string>>(); // plural → key → JSON
  readonly #unlisted: Set<string>; // plural names of the kinds that the store has not told of
  #cancel = (): void => {};
  #isDirty = false;
  #isPlanned = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: SnapshotStoreOptions) {
    this.#options = options;
    this.location = options.path;
    this.#unlisted = new Set(options.sources.map(({ kind }) => kind.plural));
    for (const plural of this.#unlisted) this.#objects.set(plural, new Map());
    if (options.loaded !== undefined) this.counters.savedAt = Date.parse(options.loaded.savedAt);
    void options.inner.then(
      ({ location }) => {
        this.location = location;
      },
      () => {},
    );
  }

  async watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    let isOutOfSight = this.#tellLoaded(kind, onEvent);
    const ended = Promise.withResolvers<undefined>();
    signal.addEventListener('abort', () => ended.resolve(undefined), { once: true });
    const inner = await Promise.race([this.#options.inner, ended.promise]);
    if (inner === undefined) return;
    const source = this.#options.sources.find((each) => each.kind.plural === kind.plural);
    await inner.watch(
      kind,
      selector,
      (event) => {
        onEvent(event);
        if (source !== undefined) this.#note(source, event);
        if (event.type !== 'snapshot' || !isOutOfSight) return;
        isOutOfSight = false;
        onEvent({ type: 'live' });
      },
      signal,
    );
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    this.#cancel();
    await this.#writing;
    if (this.#isDirty) await this.#write();
  }

  /** Apart from the watch, which lasts and would hold on to the file. @returns whether there was anything to tell */
  #tellLoaded<T extends KubeObject>(kind: Kind<T>, onEvent: (event: WatchEvent<T>) => void): boolean {
    const { loaded } = this.#options;
    const objects = loaded?.objects.get(kind.plural);
    if (loaded === undefined || objects === undefined) return false;
    loaded.objects.delete(kind.plural);
    onEvent({ type: 'snapshot', objects: objects as Iterable<T> });
    const message = `The snapshot of ${loaded.savedAt} is answered from; the store has not been read yet`;
    onEvent({ type: 'interrupted', error: new StoreError('unavailable', message) });
    return true;
  }

  #note({ kind, cut }: SnapshotSource, event: WatchEvent<KubeObject>): void {
    const objects = this.#objects.get(kind.plural) ?? new Map<string, string>();
    switch (event.type) {
      case 'snapshot':
        objects.clear();
        for (const object of event.objects) objects.set(keyOf(object), JSON.stringify(cut(object)));
        this.#unlisted.delete(kind.plural);
        break;
      case 'set':
        objects.set(keyOf(event.object), JSON.stringify(cut(event.object)));
        break;
      case 'removed':
        objects.delete(keyOf(event.object));
        break;
      case 'interrupted':
        // Where the kind does not exist, or must not be read, there are none.
        if (event.error.code !== 'not-found' && event.error.code !== 'forbidden') return;
        if (objects.size === 0 && !this.#unlisted.delete(kind.plural)) return;
        objects.clear();
        break;
      case 'live':
        return;
      default:
        event satisfies never;
    }
    this.#isDirty = true;
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned || this.#unlisted.size > 0) return;
    this.#isPlanned = true;
    const { clock, pauseMs = PAUSE_MS } = this.#options;
    const isFirst = this.counters.writes + this.counters.failures === 0;
    this.#cancel = clock.after(isFirst ? Math.min(FIRST_MS, pauseMs) : pauseMs, () => {
      this.#writing = this.#write().then(() => {
        this.#isPlanned = false;
        if (this.#isDirty) this.#plan();
      });
    });
  }

  async #write(): Promise<void> {
    if (this.#unlisted.size > 0) return;
    const { path, cluster, zones, clock, log } = this.#options;
    this.#isDirty = false;
    // A copy of the list is one moment's; the texts themselves never change.
    const objects = new Map(
      [...this.#objects].map(([plural, each]) => [plural, [...each.values()]] as const),
    );
    const now = clock.now();
    const savedAt = new Date(now).toISOString();
    try {
      this.counters.bytes = await writeSnapshot(path, { cluster, zones, savedAt }, objects);
      this.counters.savedAt = now;
      if (this.counters.writes++ === 0) log.info({ path, savedAt }, 'The snapshot is written');
    } catch (error) {
      this.#isDirty = true;
      if (this.counters.failures++ > 0) return;
      log.warn(
        { path, reason: (error as Error).message },
        'The snapshot cannot be written, and is tried again; a start while the store is away would find an old one or none',
      );
    }
  }
}
