import { randomBytes } from 'node:crypto';
import type { Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { RedisUrl } from '../api/redis-url.ts';
import type { Log } from '../observability/log.ts';
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { connectRedis, type RedisClient, redisError } from './redis-connection.ts';
import {
  changesText,
  fieldOf,
  META_FIELDS,
  parseMeta,
  REDIS_FORMAT,
  redisKeys,
  type RedisKeys,
  WRITE_SCRIPT,
} from './redis-layout.ts';
import { type ObjectStore, type Selector, StoreError, type WatchEvent } from './store.ts';

/** Objects to publish: which, and what of them. */
export interface RedisSource<T extends KubeObject = KubeObject> {
  readonly kind: Kind<T>;
  readonly selector: Selector;
  readonly cut: (object: T) => T;
}

export interface RedisPublisherOptions {
  readonly url: RedisUrl;
  readonly cluster: string;
  readonly resolvePath: (path: string) => string;
  /** What is published. */
  readonly store: ObjectStore;
  readonly sources: readonly RedisSource[];
  /** Of the election that this process leads by: who has a lower one than what Redis knows writes nothing. */
  readonly epoch: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  /** Entries that the stream keeps: so far behind a reader may be without reading everything again. */
  readonly keepEntries?: number;
  readonly beatMs?: number;
}

/** Plain numbers since the start, for metrics. */
export interface PublisherCounters {
  writes: number;
  failures: number;
  changes: number;
  /** How often Redis did not hold what was written last, and was made to again. */
  repairs: number;
  /** Of the last write; 0 = none yet. */
  generation: number;
  /** Whether another publisher with a higher epoch was met. */
  fenced: boolean;
}

/** Changes in one entry of the stream, and objects in one step of the first filling. */
const ENTRY_CHANGES = 64;
const FILL_OBJECTS = 500;
const KEEP_ENTRIES = 2000;
const BEAT_MS = 5000;
const BACKOFF = { baseMs: 100, maxMs: 5000 };

/** The state of Redis as the publisher knows it. */
interface Position {
  readonly generation: number;
  readonly nonce: string;
  readonly complete: boolean;
}

const NOTHING: Position = { generation: 0, nonce: '', complete: false };

/** Redis holds another state than was written last: look again. */
class Moved extends Error {}

/** A publisher with a higher epoch has written: this one is over. */
class Fenced extends Error {}

/**
 * Keeps a Redis equal to what a store says of some kinds, for many DNS servers to read. Level-triggered: it
 * compares what Redis holds with what it should, at the start and whenever Redis turns out to hold another
 * state than was written last, and writes the difference. Each write is atomic and holds only for the state
 * that it was made for, and only for the highest epoch.
 */
export class RedisPublisher {
  readonly counters: PublisherCounters = {
    writes: 0,
    failures: 0,
    changes: 0,
    repairs: 0,
    generation: 0,
    fenced: false,
  };
  readonly #options: RedisPublisherOptions;
  readonly #keys: RedisKeys;
  readonly #desired = new Map<string, string>(); // field → JSON
  readonly #published = new Map<string, string>(); // field → JSON, as far as known
  readonly #last = new Map<string, string>(); // field of what was removed → JSON of its last state
  readonly #dirty = new Set<string>(); // fields that may differ
  readonly #unlisted: Set<string>; // plural names of the kinds without a first list
  readonly #lost = new Set<string>(); // plural names of the kinds that are out of sight
  #position: Position | undefined;
  /** The last sign of life: when the cluster was in sight last. */
  #beatText = '0';
  #wake = (): void => {};

  constructor(options: RedisPublisherOptions) {
    this.#options = options;
    this.#keys = redisKeys(options.cluster, options.url.prefix);
    this.#unlisted = new Set(options.sources.map(({ kind }) => kind.plural));
  }

  /** How many objects Redis should hold, and for how many of them that is not known to be so. */
  get objects(): { readonly wanted: number; readonly pending: number } {
    const isStarting = this.#position?.complete !== true || this.#unlisted.size > 0;
    return { wanted: this.#desired.size, pending: this.#dirty.size + Number(isStarting) };
  }

  /** Publishes until `signal` aborts. What is published stays: stopping is not leaving. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, sources } = this.#options;
    const watches = sources.map(({ kind, selector, cut }) =>
      store.watch(kind, selector, (event) => this.#onEvent(kind, cut, event), signal),
    );
    await Promise.all([this.#publish(signal), ...watches]);
  }

  #onEvent(kind: Kind, cut: RedisSource['cut'], event: WatchEvent<KubeObject>): void {
    const { plural } = kind;
    switch (event.type) {
      case 'snapshot': {
        const gone = new Set([...this.#desired.keys()].filter((field) => field.startsWith(`${plural}/`)));
        for (const object of event.objects) {
          const field = fieldOf(kind, object);
          gone.delete(field);
          this.#want(field, JSON.stringify(cut(object)));
        }
        for (const field of gone) this.#want(field, undefined);
        this.#unlisted.delete(plural);
        break;
      }
      case 'set':
        this.#want(fieldOf(kind, event.object), JSON.stringify(cut(event.object)));
        break;
      case 'removed': {
        const field = fieldOf(kind, event.object);
        this.#last.set(field, JSON.stringify(cut(event.object)));
        this.#want(field, undefined);
        break;
      }
      case 'interrupted':
        // Where the kind does not exist, or must not be read, there are none.
        if (event.error.code === 'not-found' || event.error.code === 'forbidden')
          this.#unlisted.delete(plural);
        else this.#lost.add(plural);
        break;
      case 'live':
        this.#lost.delete(plural);
        break;
      default:
        event satisfies never;
    }
    this.#wake();
  }

  #want(field: string, json: string | undefined): void {
    if (json === undefined) this.#desired.delete(field);
    else this.#desired.set(field, json);
    if (this.#published.get(field) !== json) this.#dirty.add(field);
    else this.#dirty.delete(field);
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { clock, random, url, log, cluster } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      let client: RedisClient | undefined;
      const disconnect = (): void => client?.disconnect();
      signal.addEventListener('abort', disconnect);
      try {
        while (this.#unlisted.size > 0 && !signal.aborted) await this.#changed(Infinity, signal);
        if (signal.aborted) return;
        client = await connectRedis(url, this.#options.resolvePath);
        await this.#compare(client);
        for (;;) {
          await this.#flush(client, signal);
          if (failures > 0)
            log.info({ location: url.shown }, 'What is published in Redis is up to date again');
          failures = 0;
          if (this.counters.fenced) this.counters.fenced = false;
          await this.#changed(this.#options.beatMs ?? BEAT_MS, signal);
          if (signal.aborted) return;
          if (this.#dirty.size === 0) await this.#beat(client);
        }
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        this.#position = undefined;
        if (error instanceof Moved) {
          this.counters.repairs++;
          log.warn(
            { location: url.shown, cluster },
            'Redis does not hold what was published last: comparing all of it, and writing what is missing',
          );
        } else if (error instanceof Fenced) {
          if (!this.counters.fenced) {
            log.error(
              {
                location: url.shown,
                cluster,
                epoch: this.#options.epoch,
                theirs: error.message,
                key: this.#keys.meta,
              },
              'An agent with a later leadership publishes this cluster, and this one writes nothing; where there is no such agent any more, delete the key',
            );
          }
          this.counters.fenced = true;
        } else {
          this.counters.failures++;
          const err = redisError('publish to', url, error);
          if (failures === 1) log.warn({ err }, 'Publishing to Redis fails and will be tried again');
          else log.debug({ err }, 'Publishing to Redis still fails');
        }
      } finally {
        signal.removeEventListener('abort', disconnect);
        client?.disconnect();
      }
      await clock.sleep(backoffMs(BACKOFF, failures, random()), signal);
    }
  }

  /** Finds out what Redis holds. From here on all that differs is dirty. */
  async #compare(client: RedisClient): Promise<void> {
    const { cluster, url } = this.#options;
    const replies = await client
      .multi()
      .hmget(this.#keys.meta, ...META_FIELDS)
      .hgetall(this.#keys.objects)
      .exec();
    for (const [error] of replies ?? []) if (error !== null) throw error;
    const meta = parseMeta(replies?.[0]?.[1] as readonly unknown[]);
    const objects = replies?.[1]?.[1] as Record<string, string>;
    const foreign =
      meta === 'absent'
        ? undefined
        : 'foreign' in meta
          ? meta.foreign
          : meta.cluster !== cluster
            ? `it holds the objects of cluster ${meta.cluster}`
            : undefined;
    if (foreign !== undefined) {
      throw new StoreError(
        'invalid',
        `Cannot publish to Redis at ${url.shown}: ${foreign}; choose another prefix, or delete ${this.#keys.meta}`,
      );
    }
    const state = meta === 'absent' || 'foreign' in meta ? NOTHING : meta;
    this.#published.clear();
    // Without a state it is not known what the objects are: none of them is left as it is.
    for (const [field, json] of Object.entries(objects)) {
      this.#published.set(field, meta === 'absent' ? '' : json);
    }
    this.#dirty.clear();
    for (const [field, json] of this.#desired)
      if (this.#published.get(field) !== json) this.#dirty.add(field);
    for (const field of this.#published.keys()) if (!this.#desired.has(field)) this.#dirty.add(field);
    this.#position = { generation: state.generation, nonce: state.nonce, complete: state.complete };
    // From now on no other leader's late write counts.
    if (meta !== 'absent') await this.#beat(client);
  }

  async #flush(client: RedisClient, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isComplete = this.#position?.complete === true;
      const fields = [...this.#dirty.values().take(isComplete ? ENTRY_CHANGES : FILL_OBJECTS)];
      if (fields.length === 0 && isComplete) return;
      const isLast = fields.length === this.#dirty.size;
      await this.#write(client, fields, isComplete ? 'change' : isLast ? 'reset' : 'fill');
    }
  }

  async #write(
    client: RedisClient,
    fields: readonly string[],
    mode: 'change' | 'fill' | 'reset',
  ): Promise<void> {
    const written = fields.map((field) => [field, this.#desired.get(field)] as const);
    const changes = written.map(([field, json]) =>
      json === undefined
        ? { type: 'removed' as const, field, json: this.#lastState(field) }
        : { type: 'set' as const, field, json },
    );
    const nonce = randomBytes(9).toString('base64');
    const text = mode === 'change' ? changesText(changes) : 'reset';
    await this.#run(
      client,
      nonce,
      mode,
      text,
      written.flatMap(([field, json]) => [field, json ?? '']),
    );
    for (const [field, json] of written) {
      if (json === undefined) this.#published.delete(field);
      else this.#published.set(field, json);
      this.#last.delete(field);
      // It may have changed again while this was on its way.
      if (this.#desired.get(field) === json) this.#dirty.delete(field);
    }
    this.counters.writes++;
    this.counters.changes += written.length;
  }

  /** Of a removed object, as JSON; null where nobody knows it. */
  #lastState(field: string): string {
    const json = this.#last.get(field) ?? this.#published.get(field) ?? '';
    try {
      JSON.parse(json);
      return json;
    } catch {
      return 'null';
    }
  }

  async #beat(client: RedisClient): Promise<void> {
    await this.#run(client, '', 'beat', '', []);
  }

  async #run(
    client: RedisClient,
    nonce: string,
    mode: 'change' | 'fill' | 'reset' | 'beat',
    text: string,
    objects: readonly string[],
  ): Promise<void> {
    const { cluster, clock, epoch, keepEntries = KEEP_ENTRIES } = this.#options;
    const { meta, objects: objectsKey, changes } = this.#keys;
    // It stands still, and so tells the readers, while the cluster is out of sight.
    if (this.#lost.size === 0) this.#beatText = String(clock.now());
    const known = this.#position ?? NOTHING;
    const reply = (await client.eval(
      WRITE_SCRIPT,
      3,
      meta,
      objectsKey,
      changes,
      REDIS_FORMAT,
      cluster,
      epoch,
      known.generation,
      known.nonce,
      this.counters.generation,
      nonce,
      mode,
      this.#beatText,
      text,
      keepEntries,
      ...objects,
    )) as readonly [string, string];
    const [result, detail] = reply;
    if (result === 'fenced') throw new Fenced(detail);
    if (result !== 'ok') throw new Moved(detail);
    if (mode === 'beat') return;
    const generation = Number(detail);
    this.counters.generation = generation;
    this.#position = { generation, nonce, complete: mode !== 'fill' };
  }

  /** Resolves when something has changed, after `ms`, or when the signal aborts. */
  async #changed(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#dirty.size > 0 && this.#unlisted.size === 0) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#options.clock.sleep(ms, AbortSignal.any([signal, woken.signal]));
    this.#wake = () => {};
  }
}
