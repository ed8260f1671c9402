import type { RedisUrl } from '../api/redis-url.ts';
import type { Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { connectRedis, type RedisClient, redisError } from './redis-connection.ts';
import {
  fieldOf,
  META_FIELDS,
  parseEntry,
  parseMeta,
  readField,
  type ReadObject,
  type RedisChange,
  type RedisEntry,
  redisKeys,
  type RedisKeys,
  type RedisMeta,
} from './redis-layout.ts';
import { follows, type HeldState, judgeState } from './redis-state.ts';
import { matches } from './selector.ts';
import { type ObjectRef, type ObjectStore, type Selector, StoreError, type WatchEvent } from './store.ts';

export interface RedisStoreOptions {
  readonly url: RedisUrl;
  /** Whose objects: its agent publishes them. */
  readonly cluster: string;
  /** Where relative paths of the URL start. */
  readonly resolvePath: (path: string) => string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: Partial<RedisTimes>;
}

/** All in milliseconds. */
interface RedisTimes {
  /** How long one wait for changes is; between two it is looked whether this is still the state that is followed. */
  readonly blockMs: number;
  /** So long a publisher may show no life before its objects count as out of sight; it does every 5 s. */
  readonly silentMs: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
}

const TIMES: RedisTimes = { blockMs: 2000, silentMs: 20_000, backoff: { baseMs: 100, maxMs: 5000 } };

/** Plain numbers since the start, for metrics. */
export interface RedisCounters {
  snapshots: number;
  changes: number;
  /** How often what followed was not there, so that all was read again. */
  gaps: number;
  interruptions: number;
  /** Objects that no Pharos can have written. */
  rejected: number;
  /** Of the state that is known; 0 = none yet. */
  generation: number;
}

interface Watcher {
  readonly kind: Kind;
  readonly selector: Selector;
  readonly send: (event: WatchEvent<KubeObject>) => void;
  /** Fields of the objects that it has been told of. */
  readonly told: Set<string>;
  /** The generation that its snapshot had; undefined before. */
  since: number | undefined;
  /** The interruption that it was told of last. */
  lost: string | undefined;
}

/** Entries of the stream in one reply. */
const READ_COUNT = 100;

/**
 * The objects of one cluster from a Redis, where its agent publishes them (redis-publisher.ts). They can only be
 * changed in the cluster. All watches share one connection. Whatever happens to Redis - away, flushed,
 * restored from an old copy - what is known stays in force until a complete state at least as new is there.
 */
export class RedisStore implements ObjectStore {
  readonly location: string;
  readonly counters: RedisCounters = {
    snapshots: 0,
    changes: 0,
    gaps: 0,
    interruptions: 0,
    rejected: 0,
    generation: 0,
  };
  readonly #options: RedisStoreOptions;
  readonly #times: RedisTimes;
  readonly #keys: RedisKeys;
  readonly #watchers = new Set<Watcher>();
  #held: HeldState | undefined;
  /** The publisher's last sign of life, and when it was seen first (monotonic). */
  #beat: { readonly text: string; readonly since: number } | undefined;
  #following: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  #asking: Promise<RedisClient> | undefined;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#keys = redisKeys(options.cluster, options.url.prefix);
    this.location = options.url.shown;
  }

  async list<T extends KubeObject>(kind: Kind<T>, selector: Selector = {}): Promise<T[]> {
    const { objects } = await this.#ask('list', (client) => this.#readAll(client));
    return selected(objects, kind, selector).map(({ object }) => object as T);
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    const field = fieldOf(kind, { apiVersion: '', kind: '', metadata: ref });
    const json = await this.#ask('get', (client) => client.hget(this.#keys.objects, field));
    if (json === null) return undefined;
    const read = readField(field, json);
    return 'object' in read ? (read.object as T) : undefined;
  }

  async watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const send = onEvent as (event: WatchEvent<KubeObject>) => void;
    const watcher: Watcher = { kind, selector, send, told: new Set(), since: undefined, lost: undefined };
    this.#watchers.add(watcher);
    if (this.#following === undefined) {
      const stop = new AbortController();
      this.#following = { stop, ended: this.#follow(stop.signal) };
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    const following = this.#following;
    this.#following = undefined;
    following.stop.abort();
    await following.ended;
  }

  apply(): Promise<never> {
    return this.#readOnly();
  }

  applyStatus(): Promise<never> {
    return this.#readOnly();
  }

  remove(): Promise<never> {
    return this.#readOnly();
  }

  /** Closes the connection of single questions. Watches end by their signals. */
  async close(): Promise<void> {
    const asking = this.#asking;
    this.#asking = undefined;
    (await asking?.catch(() => undefined))?.disconnect();
  }

  #readOnly(): Promise<never> {
    const { cluster } = this.#options;
    const message = `Cannot change objects in Redis at ${this.location}: its agent publishes them; change them in cluster ${cluster}`;
    return Promise.reject(new StoreError('forbidden', message));
  }

  async #ask<R>(action: string, run: (client: RedisClient) => Promise<R>): Promise<R> {
    this.#asking ??= this.#connect();
    const asking = this.#asking;
    try {
      return await run(await asking);
    } catch (error) {
      if (this.#asking === asking) await this.close();
      throw redisError(`${action} from`, this.#options.url, error);
    }
  }

  #connect(): Promise<RedisClient> {
    return connectRedis(this.#options.url, this.#options.resolvePath);
  }

  /** Never rejects; ends by the signal. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, random, url } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      let client: RedisClient | undefined;
      const disconnect = (): void => client?.disconnect();
      signal.addEventListener('abort', disconnect);
      try {
        client = await this.#connect();
        while (!signal.aborted) {
          await this.#round(client, signal);
          failures = 0;
        }
      } catch (error) {
        if (!signal.aborted) this.#lose(redisError('follow', url, error));
      } finally {
        signal.removeEventListener('abort', disconnect);
        client?.disconnect();
      }
      if (!signal.aborted) await clock.sleep(backoffMs(this.#times.backoff, ++failures, random()), signal);
    }
  }

  /** Looks at which state there is, and follows it for as long as it is the one that is known. */
  async #round(client: RedisClient, signal: AbortSignal): Promise<void> {
    const { cluster, clock } = this.#options;
    const meta = parseMeta(await client.hmget(this.#keys.meta, ...META_FIELDS));
    const verdict = judgeState(this.#held, meta, cluster);
    if (verdict.is === 'unusable') {
      this.#lose(new StoreError('unavailable', `Cannot go by Redis at ${this.location}: ${verdict.detail}`));
      await clock.sleep(this.#times.blockMs, signal);
      return;
    }
    const isSilent = this.#noteBeat(meta as RedisMeta);
    if (verdict.is === 'current' && this.#held !== undefined) {
      this.#held = { ...this.#held, epoch: (meta as RedisMeta).epoch };
    }
    const isNew = [...this.#watchers].some(({ since }) => since === undefined);
    if (verdict.is === 'read' || isNew)
      await this.#resync(client, verdict.is === 'read' || this.#held === undefined);
    if (isSilent === undefined) this.#regain();
    else this.#lose(new StoreError('unavailable', isSilent));
    await this.#stream(client, verdict.is === 'behind' && !isNew);
  }

  /** Takes changes until there are none for a while, or they do not follow what is known. */
  async #stream(client: RedisClient, isBehind: boolean): Promise<void> {
    for (let known = !isBehind; ; known = true) {
      if (this.#held === undefined || [...this.#watchers].some(({ since }) => since === undefined)) return;
      const from = ['STREAMS', this.#keys.changes, `${this.#held.generation}-0`] as const;
      const reply = known
        ? await client.xread('COUNT', READ_COUNT, 'BLOCK', this.#times.blockMs, ...from)
        : await client.xread('COUNT', READ_COUNT, ...from);
      const entries = reply?.[0]?.[1] ?? [];
      if (entries.length === 0) {
        if (!known) await this.#reread(client);
        return;
      }
      for (const [id, fields] of entries) {
        const entry = parseEntry(id, fields);
        if (entry === undefined || !follows(this.#held, entry) || entry.changes === 'reset') {
          await this.#reread(client);
          return;
        }
        this.#take(entry, entry.changes);
      }
    }
  }

  /** What there is does not follow what is known: at the next look all is read, where it may be. */
  async #reread(client: RedisClient): Promise<void> {
    this.counters.gaps++;
    const meta = parseMeta(await client.hmget(this.#keys.meta, ...META_FIELDS));
    const { is } = judgeState(this.#held, meta, this.#options.cluster);
    if (is === 'read' || is === 'behind') await this.#resync(client, true);
  }

  #take({ epoch, generation, nonce }: RedisEntry, changes: readonly RedisChange[]): void {
    this.#held = { epoch, generation, nonce };
    this.counters.generation = generation;
    if (this.#beat !== undefined) this.#beat = { ...this.#beat, since: this.#options.clock.monotonic() };
    for (const change of changes) {
      this.counters.changes++;
      if ('problem' in change.read) this.#reject(`${change.field}: ${change.read.problem}`);
      for (const watcher of this.#watchers) {
        if (watcher.since !== undefined && watcher.since < generation) tell(watcher, change);
      }
    }
  }

  /** Reads everything. @param forAll whether watchers that have a snapshot get a new one too */
  async #resync(client: RedisClient, forAll: boolean): Promise<void> {
    const { state, objects } = await this.#readAll(client);
    // Between the look and the reading another state may have come.
    if (this.#held !== undefined && judgeState(this.#held, state, this.#options.cluster).is === 'unusable')
      return;
    if (forAll || this.#held === undefined) {
      const { epoch, generation, nonce } = state;
      this.#held = { epoch, generation, nonce };
      this.counters.generation = generation;
    }
    for (const watcher of this.#watchers) {
      if (!forAll && watcher.since !== undefined) continue;
      const found = selected(objects, watcher.kind, watcher.selector);
      watcher.since = state.generation;
      watcher.told.clear();
      for (const { field } of found) watcher.told.add(field);
      this.counters.snapshots++;
      watcher.send({ type: 'snapshot', objects: found.map(({ object }) => object) });
    }
  }

  async #readAll(client: RedisClient): Promise<{ state: RedisMeta; objects: readonly ReadObject[] }> {
    const { meta: metaKey, objects: objectsKey } = this.#keys;
    const replies = await client
      .multi()
      .hmget(metaKey, ...META_FIELDS)
      .hgetall(objectsKey)
      .exec();
    for (const [error] of replies ?? []) if (error !== null) throw error;
    const state = parseMeta(replies?.[0]?.[1] as readonly unknown[]);
    const verdict = judgeState(undefined, state, this.#options.cluster);
    if (verdict.is === 'unusable')
      throw new StoreError('unavailable', `Cannot go by Redis at ${this.location}: ${verdict.detail}`);
    const objects = Object.entries(replies?.[1]?.[1] as Record<string, string>).map(([field, json]) =>
      readField(field, json),
    );
    for (const read of objects) if ('problem' in read) this.#reject(read.problem);
    return { state: state as RedisMeta, objects };
  }

  /** @returns why the publisher counts as silent, undefined while it does not */
  #noteBeat({ beat }: RedisMeta): string | undefined {
    const now = this.#options.clock.monotonic();
    if (this.#beat?.text !== beat) this.#beat = { text: beat, since: now };
    const silentMs = now - this.#beat.since;
    if (beat === '' || silentMs < this.#times.silentMs) return undefined;
    return `Redis at ${this.location} answers, but what it holds is not kept up to date: the agent of cluster ${this.#options.cluster} that publishes it has been silent for a while, or cannot see its API server`;
  }

  #reject(problem: string): void {
    if (this.counters.rejected++ > 0) return;
    this.#options.log.warn(
      { problem, location: this.location },
      'An object in Redis cannot be used and counts as absent; further ones are only counted',
    );
  }

  #lose(error: StoreError): void {
    for (const watcher of this.#watchers) {
      if (watcher.lost === error.message) continue;
      if (watcher.lost === undefined) this.counters.interruptions++;
      watcher.lost = error.message;
      watcher.send({ type: 'interrupted', error });
    }
  }

  #regain(): void {
    for (const watcher of this.#watchers) {
      if (watcher.lost === undefined || watcher.since === undefined) continue;
      watcher.lost = undefined;
      watcher.send({ type: 'live' });
    }
  }
}

type Sound = Exclude<ReadObject, { problem: string }>;

function selected(objects: readonly ReadObject[], kind: Kind, selector: Selector): Sound[] {
  return objects.filter(
    (read): read is Sound =>
      'object' in read && read.kind.plural === kind.plural && matches(selector, read.object),
  );
}

function tell({ kind, selector, told, send }: Watcher, { type, field, read }: RedisChange): void {
  if (!field.startsWith(`${kind.plural}/`)) return;
  if (type === 'set' && 'object' in read && matches(selector, read.object)) {
    told.add(field);
    send({ type: 'set', object: read.object });
    return;
  }
  if (told.delete(field))
    send({ type: 'removed', object: 'object' in read ? read.object : stub(kind, field) });
}

/** All that is known of an object that went out of sight by becoming something else. */
function stub({ apiVersion, kind, namespaced }: Kind, field: string): KubeObject {
  const [, first = '', second = ''] = field.split('/');
  return { apiVersion, kind, metadata: namespaced ? { namespace: first, name: second } : { name: first } };
}
