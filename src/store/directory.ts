import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ManifestFile, readManifests } from './directory-file.ts';
import { mergeFiles, type Merged, type Placed } from './directory-merge.ts';
import type { ManifestProblem } from './directory-problem.ts';
import { ServiceIps } from './directory-service-ip.ts';
import { type FolderWatch, listTree, type Tree, watchFolders } from './directory-watch.ts';
import { MemoryStore } from './memory.ts';
import {
  type ApplyOptions,
  type ObjectRef,
  type ObjectStore,
  type Selector,
  StoreError,
  type WatchEvent,
} from './store.ts';

export interface DirectoryStoreOptions {
  readonly path: string;
  /** Names the range that Service IPs are allocated from. */
  readonly cluster: string;
  readonly clock: Clock;
  /** Creation time (ms since 1970) of what is there at the start and does not say; now unless given. */
  readonly openedAt?: number;
  /** Called after each look at the files that changed objects or problems. Must not throw. */
  readonly onLoaded?: (loaded: Loaded) => void;
}

export interface Loaded {
  /** What somebody must mend: files that are broken, then what is odd. */
  readonly problems: readonly ManifestProblem[];
  /** Kinds that Pharos has no use for → how many objects. */
  readonly ignored: ReadonlyMap<string, number>;
}

interface LoadedFile extends Pick<ManifestFile, 'manifests' | 'ignored'> {
  readonly stamp: string;
  /** Of what stands in the file, in force or not. */
  readonly digest: string;
  /** Why what stands in the file now is not in force. */
  readonly errors: readonly ManifestProblem[];
}

/** The last good state of a file that never had one. */
const EMPTY = { manifests: [], ignored: new Map<string, number>() };

const isManifest = (name: string): boolean => /\.(ya?ml|json)$/.test(name);

/**
 * A cluster's objects from a folder of manifests, at any depth. The files are followed and never written:
 * what is applied here stays in memory, beside what the files say. Objects from files can only be changed
 * there, all but their status. A file that is broken keeps its last good content in force.
 */
export class DirectoryStore implements ObjectStore, AsyncDisposable {
  readonly location: string;
  readonly #path: string;
  readonly #inner: MemoryStore;
  readonly #onLoaded: (loaded: Loaded) => void;
  readonly #files = new Map<string, LoadedFile>(); // path → content in force
  readonly #serviceIps: ServiceIps;
  #placed: ReadonlyMap<string, Placed> = new Map(); // kind and key → object from a file
  #loaded: Loaded = { problems: [], ignored: new Map() };
  #folderProblem: ManifestProblem | undefined;
  #watch: FolderWatch | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** What the inner store's clock says, while an object is created whose time is known. */
  #creationTime: number | undefined;

  private constructor({ path, cluster, clock, onLoaded = () => {} }: DirectoryStoreOptions) {
    this.location = path;
    this.#path = path;
    this.#serviceIps = new ServiceIps(cluster);
    this.#onLoaded = onLoaded;
    const now = (): number => this.#creationTime ?? clock.now();
    this.#inner = new MemoryStore({ location: path, clock: { ...clock, now } });
  }

  /** @throws StoreError `unavailable` where the folder cannot be read */
  static async open(options: DirectoryStoreOptions): Promise<DirectoryStore> {
    const store = new DirectoryStore(options);
    let tree: Tree;
    try {
      tree = await listTree(options.path, isManifest);
    } catch (cause) {
      throw new StoreError(
        'unavailable',
        `Cannot read the folder ${options.path}: ${(cause as Error).message}; name one that exists`,
        { cause },
      );
    }
    await store.#load(tree, new Set(), options.openedAt);
    store.#watch = watchFolders(options.path, options.clock, (named) => {
      store.#looking = store.#look(named);
      return store.#looking;
    });
    store.#watch.follow(tree.folders);
    return store;
  }

  /** The result of the latest look at the files. */
  get loaded(): Loaded {
    return this.#loaded;
  }

  /** Stops following the files; the objects stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    await this.#looking;
  }

  list<T extends KubeObject>(kind: Kind<T>, selector?: Selector): Promise<T[]> {
    return this.#inner.list(kind, selector);
  }

  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    return this.#inner.get(kind, ref);
  }

  watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#inner.watch(kind, selector, onEvent, signal);
  }

  async apply<T extends KubeObject>(kind: Kind<T>, object: T, options?: ApplyOptions): Promise<T> {
    this.#checkNotFromFile('apply', kind, object.metadata);
    return this.#inner.apply(kind, object, options);
  }

  applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    return this.#inner.applyStatus(kind, object);
  }

  async remove(kind: Kind, ref: ObjectRef): Promise<'removed' | 'absent'> {
    this.#checkNotFromFile('remove', kind, ref);
    return this.#inner.remove(kind, ref);
  }

  #checkNotFromFile(verb: string, kind: Kind, { name, namespace }: ObjectRef): void {
    const place = `${kind.kind} ${kind.namespaced ? `${namespace}/` : ''}${name}`;
    const placed = this.#placed.get(place);
    if (placed === undefined) return;
    const file = join(this.#path, placed.file);
    throw new StoreError('forbidden', `Cannot ${verb} ${place}: it comes from ${file}; change it there`);
  }

  async #look(named: ReadonlySet<string>): Promise<void> {
    let tree: Tree;
    try {
      tree = await listTree(this.#path, isManifest);
    } catch (error) {
      // The folder went away. Whether for good is not ours to say: what it held stays in force.
      this.#watch?.follow([]);
      if (this.#folderProblem !== undefined) return;
      const reason = `cannot be read: ${(error as Error).message}; its last good state stays in force`;
      this.#folderProblem = { file: '.', reason };
      this.#tell(this.#loaded.problems);
      return;
    }
    await this.#load(tree, named);
    this.#watch?.follow(tree.folders);
  }

  /** @param named files that must be read though their stamp is the same: changes can be that quick */
  async #load(tree: Tree, named: ReadonlySet<string>, createdAt?: number): Promise<void> {
    let changed = this.#folderProblem !== undefined;
    this.#folderProblem = undefined;
    for (const path of this.#files.keys()) {
      if (!tree.files.has(path)) changed = this.#files.delete(path);
    }
    for (const [path, stamp] of tree.files) {
      const before = this.#files.get(path);
      if (before?.stamp === stamp && !named.has(path)) continue;
      const after = await this.#read(path, stamp, before);
      if (after === undefined) continue;
      this.#files.set(path, after);
      changed ||= after.digest !== before?.digest;
    }
    if (!changed) return;
    const merged = mergeFiles(this.#files, this.#serviceIps);
    await this.#publish(merged.objects, createdAt);
    this.#tell([...this.#files.values().flatMap(({ errors }) => errors), ...merged.warnings]);
  }

  /** What is in force of a file now; undefined where it vanished while it was looked at. */
  async #read(path: string, stamp: string, before: LoadedFile | undefined): Promise<LoadedFile | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.#path, path), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const reason = `cannot be read: ${(error as Error).message}`;
      return { ...(before ?? EMPTY), stamp, digest: reason, errors: [{ file: path, reason }] };
    }
    const digest = createHash('sha256').update(text).digest('base64');
    if (digest === before?.digest) return { ...before, stamp };
    const { manifests, ignored, errors } = readManifests(path, text);
    if (errors.length === 0) return { stamp, digest, manifests, ignored, errors };
    return { ...(before ?? EMPTY), stamp, digest, errors };
  }

  /** Makes the inner store have what the files say, and no longer what they said before. */
  async #publish(wanted: Merged['objects'], createdAt: number | undefined): Promise<void> {
    const before = this.#placed;
    this.#placed = wanted;
    for (const [place, { kind, object }] of wanted) {
      const old = before.get(place)?.object;
      if (old !== undefined && isDeepStrictEqual(old, object)) continue;
      const isReplaced = old?.metadata.creationTimestamp !== object.metadata.creationTimestamp;
      if (old !== undefined && isReplaced) await this.#inner.remove(kind, object.metadata);
      await this.#put(kind, object, old, createdAt);
    }
    for (const [place, { kind, object }] of before) {
      if (!wanted.has(place)) await this.#inner.remove(kind, object.metadata);
    }
  }

  async #put(
    kind: Kind,
    object: KubeObject,
    old: KubeObject | undefined,
    createdAt: number | undefined,
  ): Promise<void> {
    const { creationTimestamp, ...metadata } = object.metadata;
    this.#creationTime = creationTimestamp === undefined ? createdAt : Date.parse(creationTimestamp);
    const applied = this.#inner.apply(kind, { ...object, metadata });
    this.#creationTime = undefined;
    await applied;
    // A status is the controllers' own, and theirs stays, until the file says another one.
    const statusOf = (of: KubeObject | undefined): unknown =>
      (of as { status?: unknown } | undefined)?.status;
    if (statusOf(object) === undefined || isDeepStrictEqual(statusOf(object), statusOf(old))) return;
    await this.#inner.applyStatus(kind, object);
  }

  #tell(problems: readonly ManifestProblem[]): void {
    const ignored = new Map<string, number>();
    for (const file of this.#files.values()) {
      for (const [kind, count] of file.ignored) ignored.set(kind, (ignored.get(kind) ?? 0) + count);
    }
    const all = this.#folderProblem === undefined ? problems : [this.#folderProblem, ...problems];
    this.#loaded = { problems: all, ignored };
    this.#onLoaded(this.#loaded);
  }
}
