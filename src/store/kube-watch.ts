import type { Kind } from '../api/kinds.ts';
import { keyOf } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Log } from '../observability/log.ts';
import { type Backoff, backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import {
  failureOfError,
  failureOfStatus,
  GARBLED,
  KubeFailure,
  type Status,
  storeError,
} from './kube-failure.ts';
import { collectionPath, fieldSelector, labelSelector } from './kube-path.ts';
import { readLines, STALLED } from './kube-stream.ts';
import type { KubeTransport } from './kube-transport.ts';
import { prune } from './prune.ts';
import type { Selector, StoreErrorCode, WatchEvent } from './store.ts';

/** All objects of a kind at one moment of the server's history. */
export interface ListedAt<T extends KubeObject> {
  readonly objects: T[];
  readonly resourceVersion: string;
}

export interface WatchTimes {
  /** Without a byte for so long, bookmarks included (about one a minute), the connection is taken for dead. */
  readonly stallMs: number;
  /** For the head of an answer. */
  readonly deadlineMs: number;
  /** Between attempts. */
  readonly backoff: Backoff;
}

/** Counted over all watches of one store since its start. */
export interface WatchCounters {
  /** Complete lists, first ones included. */
  snapshots: number;
  /** Changes told. */
  events: number;
  /** How often a watch was lost. */
  interruptions: number;
}

export interface KubeWatchOptions<T extends KubeObject> {
  readonly transport: KubeTransport;
  readonly kind: Kind<T>;
  readonly selector: Selector;
  readonly onEvent: (event: WatchEvent<T>) => void;
  /** A paged list, for servers that do not stream lists. */
  readonly list: () => Promise<ListedAt<T>>;
  /** Shared by all watches of a store: one of them finding out is enough. */
  readonly server: { streamsLists: boolean };
  readonly counters: WatchCounters;
  readonly times: WatchTimes;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** A watch that ends sooner without a word counts as a failure, lest we ask again without pause. */
const TOO_SHORT_MS = 1000;
/** After so many answers in a row that lead nowhere the version that we resume from is given up. */
const FRUITLESS_LIMIT = 3;
/** The annotation of the bookmark after the last object of a streamed list (KEP-3157). */
const LIST_ENDS_HERE = 'k8s.io/initial-events-end';

interface RawEvent {
  readonly type?: unknown;
  readonly object?: {
    readonly metadata?: {
      readonly name?: unknown;
      readonly resourceVersion?: unknown;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  };
}

/** One watch of {@link ObjectStore}: lists, follows, resumes where it was, lists again where it must. */
export class KubeWatch<T extends KubeObject> {
  readonly #options: KubeWatchOptions<T>;
  /** From where to follow; undefined until there is a complete list, and when history was lost. */
  #resourceVersion: string | undefined;
  /** The objects of a list that is streaming in, by key; undefined at other times. */
  #collected: Map<string, T> | undefined;
  #interruptedBy: StoreErrorCode | undefined;
  /** Failures in a row. */
  #failures = 0;
  /** Of those, the ones with an answer from the server. */
  #fruitless = 0;

  constructor(options: KubeWatchOptions<T>) {
    this.#options = options;
  }

  /** Until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined && !this.#options.server.streamsLists) {
          const { objects, resourceVersion } = await this.#options.list();
          if (signal.aborted) return;
          this.#tellSnapshot(objects, resourceVersion);
        }
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#afterFailure(error, signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { transport, kind, selector, clock, random, times } = this.#options;
    const resuming = this.#resourceVersion !== undefined;
    this.#collected = resuming ? undefined : new Map();
    const startedAt = clock.monotonic();
    let lines = 0;
    const response = await transport.stream(
      {
        method: 'GET',
        path: collectionPath(kind, selector.namespace),
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          labelSelector: labelSelector(selector),
          fieldSelector: fieldSelector(selector),
          // Spread over 5 to 10 minutes, so that watches that began together do not end together.
          timeoutSeconds: String(Math.round(300 * (1 + random()))),
          ...(resuming
            ? { resourceVersion: this.#resourceVersion }
            : { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }),
        },
      },
      times.deadlineMs,
      signal,
    );
    if (resuming) this.#tellLive();
    const onLine = (line: string): void => {
      if (signal.aborted) return;
      lines++;
      this.#onLine(line);
    };
    // A list streams without a pause; changes come when they come.
    const stallMs = (): number => (this.#collected === undefined ? times.stallMs : times.deadlineMs);
    await readLines(response, onLine, { clock, signal, stallMs });
    if (signal.aborted) return;
    if (this.#collected !== undefined) throw new KubeFailure('the watch ended before its list was complete');
    if (lines === 0 && clock.monotonic() - startedAt < TOO_SHORT_MS) {
      throw new KubeFailure('the server ended the watch at once');
    }
  }

  #onLine(line: string): void {
    const { type, object } = parseEvent(line);
    if (type === 'ERROR') throw failureOfStatus((object ?? {}) as Status);
    const { name, resourceVersion, annotations } = object?.metadata ?? {};
    if (typeof resourceVersion !== 'string') throw garbled('a watch event has no resourceVersion');
    if (type === 'BOOKMARK') {
      if (this.#collected === undefined) this.#resourceVersion = resourceVersion;
      else if (annotations?.[LIST_ENDS_HERE] === 'true') {
        this.#tellSnapshot([...this.#collected.values()], resourceVersion);
      }
      this.#progress();
      return;
    }
    if (typeof name !== 'string') throw garbled('a watch event has no object');
    const changed = prune(object as T);
    if (type === 'ADDED' || type === 'MODIFIED') {
      if (this.#collected !== undefined) this.#collected.set(keyOf(changed), changed);
      else this.#tellChange({ type: 'set', object: changed }, resourceVersion);
    } else if (type === 'DELETED') {
      if (this.#collected !== undefined) this.#collected.delete(keyOf(changed));
      else this.#tellChange({ type: 'removed', object: changed }, resourceVersion);
    } else throw garbled(`a watch event is of unknown type ${JSON.stringify(type)}`);
  }

  #tellChange(event: WatchEvent<T>, resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
    this.#options.counters.events++;
    this.#progress();
    this.#options.onEvent(event);
  }

  #tellSnapshot(objects: readonly T[], resourceVersion: string): void {
    this.#collected = undefined;
    this.#resourceVersion = resourceVersion;
    this.#options.counters.snapshots++;
    this.#progress();
    this.#options.onEvent({ type: 'snapshot', objects });
    this.#tellLive();
  }

  #tellLive(): void {
    if (this.#interruptedBy === undefined) return;
    this.#interruptedBy = undefined;
    this.#options.onEvent({ type: 'live' });
  }

  /** Something came that brought us forward: what failed before does not count any more. */
  #progress(): void {
    this.#failures = 0;
    this.#fruitless = 0;
  }

  async #afterFailure(error: unknown, signal: AbortSignal): Promise<void> {
    const { kind, server, times, clock, random, log, transport } = this.#options;
    const failure = failureOfError(error);
    const listing = this.#resourceVersion === undefined;
    if (listing && server.streamsLists && (failure.status === 422 || failure.status === 400)) {
      // WatchList is off there. Not a failure: the next attempt lists page by page.
      server.streamsLists = false;
      return;
    }
    // It began to stream a list, or took our wish for something else, and never came to the end.
    if (listing && failure.reason === STALLED) server.streamsLists = false;
    this.#failures++;
    if (failure.isAnswer) this.#fruitless++;
    if (failure.isGone || failure.status === 404 || this.#fruitless >= FRUITLESS_LIMIT) {
      this.#resourceVersion = undefined;
    }
    // Lost history costs a list and nothing else: nobody needs to hear of it unless that fails too.
    if (failure.isGone && this.#failures === 1) {
      log.debug({ kind: kind.kind, err: failure }, 'Watch history is gone, listing again');
      return;
    }
    const told = storeError(`watch ${kind.plural}`, transport.location, failure);
    if (this.#interruptedBy !== told.code) {
      if (this.#interruptedBy === undefined) this.#options.counters.interruptions++;
      this.#interruptedBy = told.code;
      this.#options.onEvent({ type: 'interrupted', error: told });
    }
    const waitMs = backoffMs(times.backoff, this.#failures, random());
    await clock.sleep(Math.max(waitMs, (failure.retryAfterSeconds ?? 0) * 1000), signal);
  }
}

function parseEvent(line: string): RawEvent {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === 'object' && event !== null) return event;
  } catch (cause) {
    throw garbled(`a watch event is not JSON (${(cause as Error).message})`, cause);
  }
  throw garbled('a watch event is no object');
}

function garbled(message: string, cause?: unknown): KubeFailure {
  return new KubeFailure(message, { reason: GARBLED, cause });
}
