import type { Kind } from '../api/kinds.ts';
import { keyOf } from '../api/kinds.ts';
import { FIELD_MANAGER } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import { SecretText } from '../api/secret-text.ts';
import type { Log } from '../observability/log.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { PaceLimits } from '../runtime/pace.ts';
import { type Judgement, PacedCalls } from '../runtime/paced-calls.ts';
import { loadKubeAccess } from './kube-access.ts';
import { failureOfError, KubeFailure, storeError } from './kube-failure.ts';
import { adoptionPatch } from './kube-ownership.ts';
import { collectionPath, fieldSelector, labelSelector, objectPath } from './kube-path.ts';
import { type KubeRequest, KubeTransport } from './kube-transport.ts';
import { KubeWatch, type ListedAt, type WatchCounters, type WatchTimes } from './kube-watch.ts';
import { prune } from './prune.ts';
import {
  type ApplyOptions,
  type ObjectRef,
  type ObjectStore,
  type Selector,
  StoreError,
  type WatchEvent,
} from './store.ts';
import type { Access, ServerQuestions } from './server-questions.ts';
import type { IssuedToken, TokenIssuer } from './token-issuer.ts';

type Verb = 'list' | 'get' | 'apply' | 'applyStatus' | 'remove';

/** Plain numbers since the start, for metrics. */
export interface KubernetesCounters extends WatchCounters {
  /** Calls by verb and by how they ended; a watch is not a call. */
  readonly calls: Readonly<Record<Verb, { succeeded: number; failed: number }>>;
}

export interface KubernetesOptions {
  /** Path of a kubeconfig file; without it the process must run in a pod. */
  readonly kubeconfig?: string;
  readonly log: Log;
  /**
   * Asked right before each request that changes anything, but for Leases: false = it is not sent. For who
   * may act only while it leads.
   */
  readonly mayWrite?: () => boolean;
  /** For tests. */
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly times?: Partial<WatchTimes>;
}

/** As client-go and kubectl have it: large enough for few round trips, small enough for the server. */
const PAGE_SIZE = '500';
const TIMES: WatchTimes = {
  stallMs: 100_000,
  deadlineMs: 15_000,
  backoff: { baseMs: 200, maxMs: 15_000 },
};
/** A server that answers well has no more to do for us at once than this. */
const PACE: PaceLimits = { least: 1, first: 16, most: 64, slowMs: 1000 };
/** What a server asks for beyond that holds for the object in question, not for all. */
const LONGEST_PAUSE_SECONDS = 60;
/** What keeps all else alive, leading and being let in, is little and waits for nobody. */
const URGENT = /^\/apis\/coordination\.k8s\.io\/|\/token$/;
const APPLY_PATCH = 'application/apply-patch+yaml';

/**
 * Opens the API server of a kubeconfig's current context, or of the cluster that this pod runs in. Nothing
 * is sent yet: a server that is away shows with the first call.
 *
 * @throws StoreError `invalid` where the kubeconfig can not be used
 */
export async function openKubernetesStore(options: KubernetesOptions): Promise<KubernetesStore> {
  const access = await loadKubeAccess(options.kubeconfig);
  return new KubernetesStore(new KubeTransport(access, options.clock ?? systemClock), options);
}

/** A Kubernetes API server as a store. */
export class KubernetesStore implements ObjectStore, ServerQuestions, TokenIssuer {
  readonly #transport: KubeTransport;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Log;
  readonly #times: WatchTimes;
  readonly #server = { streamsLists: true };
  readonly #mayWrite: () => boolean;
  /** Every call goes through it. Watches do not: they are few and last. */
  readonly pace: PacedCalls;
  readonly counters: KubernetesCounters = {
    calls: {
      list: { succeeded: 0, failed: 0 },
      get: { succeeded: 0, failed: 0 },
      apply: { succeeded: 0, failed: 0 },
      applyStatus: { succeeded: 0, failed: 0 },
      remove: { succeeded: 0, failed: 0 },
    },
    snapshots: 0,
    events: 0,
    interruptions: 0,
  };

  /** Use {@link openKubernetesStore}. */
  constructor(transport: KubeTransport, options: KubernetesOptions) {
    this.#transport = transport;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log;
    this.#times = { ...TIMES, ...options.times };
    this.#mayWrite = options.mayWrite ?? (() => true);
    this.pace = new PacedCalls({ clock: this.#clock, limits: PACE, judge });
  }

  get location(): string {
    return this.#transport.location;
  }

  list<T extends KubeObject>(kind: Kind<T>, selector: Selector = {}): Promise<T[]> {
    return this.#do('list', `list ${kind.plural}`, async () => (await this.#list(kind, selector)).objects);
  }

  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    return this.#do('get', `get ${describe(kind, ref)}`, async () => {
      try {
        return prune((await this.#call({ method: 'GET', path: objectPath(kind, ref) })) as T);
      } catch (error) {
        if (error instanceof KubeFailure && error.status === 404) return undefined;
        throw error;
      }
    });
  }

  watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const watch = new KubeWatch({
      transport: this.#transport,
      kind,
      selector,
      onEvent,
      list: () => this.#list(kind, selector),
      server: this.#server,
      counters: this.counters,
      times: this.#times,
      clock: this.#clock,
      random: this.#random,
      log: this.#log,
    });
    return watch.run(signal);
  }

  apply<T extends KubeObject>(kind: Kind<T>, object: T, options: ApplyOptions = {}): Promise<T> {
    return this.#do('apply', `apply ${describe(kind, object.metadata)}`, async () => {
      const ours = sendable(object);
      if (options.if === 'absent') return this.#create(kind, ours);
      const path = objectPath(kind, object.metadata);
      const version = typeof options.if === 'object' ? options.if.resourceVersion : undefined;
      const condition = version !== undefined && (await this.#precondition(path, object, version));
      const content = { ...ours, metadata: { ...ours.metadata, ...condition } };
      const stored = await this.#applyPatch<T>(path, content, options.if === 'unclaimed' ? 'false' : 'true');
      if (!(await this.#adopt(kind, stored))) return prune(stored);
      // What an interrupted create had left behind is ours now: fields that are to go, go this time.
      return prune(await this.#applyPatch<T>(path, ours));
    });
  }

  applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    return this.#do('applyStatus', `set the status of ${describe(kind, object.metadata)}`, async () => {
      const { apiVersion, metadata, status = {} } = object as T & { status?: unknown };
      const { name, namespace } = metadata;
      const ours = { apiVersion, kind: kind.kind, metadata: { name, namespace }, status };
      return prune(await this.#applyPatch<T>(`${objectPath(kind, metadata)}/status`, ours));
    });
  }

  remove(kind: Kind, ref: ObjectRef): Promise<'removed' | 'absent'> {
    return this.#do('remove', `remove ${describe(kind, ref)}`, async () => {
      try {
        await this.#call({ method: 'DELETE', path: objectPath(kind, ref) });
        return 'removed';
      } catch (error) {
        if (error instanceof KubeFailure && error.status === 404) return 'absent';
        throw error;
      }
    });
  }

  async issueToken({ name, namespace }: ObjectRef, lifetimeSeconds: number): Promise<IssuedToken> {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true };
    const path = `${objectPath(account, { name, ...(namespace !== undefined && { namespace }) })}/token`;
    const content = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: lifetimeSeconds },
    };
    return this.#ask(`issue a token for ServiceAccount ${namespace ?? ''}/${name}`, async () => {
      const answer = await this.#call({ method: 'POST', path, body: { type: 'application/json', content } });
      const { spec, status } = answer as TokenRequest;
      if (typeof status?.token !== 'string') throw new KubeFailure('the answer holds no token');
      return {
        token: new SecretText(status.token),
        lifetimeSeconds: spec?.expirationSeconds ?? lifetimeSeconds,
      };
    });
  }

  version(): Promise<string> {
    return this.#ask('tell the version', async () => {
      const { gitVersion } = (await this.#call({ method: 'GET', path: '/version' })) as {
        gitVersion?: unknown;
      };
      if (typeof gitVersion !== 'string') throw new KubeFailure('the answer holds no version');
      return gitVersion;
    });
  }

  may({ verb, group, resource, namespace }: Access): Promise<boolean> {
    const [name, subresource] = resource.split('/');
    const content = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource: name, subresource, namespace } },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    return this.#ask(`review whether ${verb} ${resource} is allowed`, async () => {
      const answer = await this.#call({ method: 'POST', path, body: { type: 'application/json', content } });
      return (answer as { status?: { allowed?: boolean } }).status?.allowed === true;
    });
  }

  objection(kind: Kind, object: KubeObject): Promise<string | undefined> {
    return this.#ask(`rehearse the creation of ${describe(kind, object.metadata)}`, async () => {
      try {
        await this.#call({
          method: 'POST',
          path: collectionPath(kind, object.metadata.namespace),
          query: { dryRun: 'All' },
          body: { type: 'application/json', content: object },
        });
        return undefined;
      } catch (error) {
        const { isAnswer, message, status = 0 } = failureOfError(error);
        if (isAnswer && status >= 400 && status < 500) return message;
        throw error;
      }
    });
  }

  /** Closes the kept connections; calls under way and those that wait for their turn fail. */
  close(): void {
    this.pace.giveUp(new KubeFailure('the connection was closed before it was sent'));
    this.#transport.close();
  }

  async #list<T extends KubeObject>(kind: Kind<T>, selector: Selector): Promise<ListedAt<T>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#listPages(kind, selector);
      } catch (error) {
        // The list's moment left the server's history while we turned pages.
        if (attempt < 3 && error instanceof KubeFailure && error.isGone) continue;
        throw error;
      }
    }
  }

  async #listPages<T extends KubeObject>(kind: Kind<T>, selector: Selector): Promise<ListedAt<T>> {
    const objects: T[] = [];
    let next: string | undefined;
    for (;;) {
      const page = (await this.#call({
        method: 'GET',
        path: collectionPath(kind, selector.namespace),
        query: {
          labelSelector: labelSelector(selector),
          fieldSelector: fieldSelector(selector),
          limit: PAGE_SIZE,
          continue: next,
        },
      })) as ListPage<T>;
      for (const item of page.items ?? []) {
        // Built-in kinds leave these out of a list's items.
        item.apiVersion = kind.apiVersion;
        item.kind = kind.kind;
        objects.push(prune(item));
      }
      next = page.metadata?.continue;
      const resourceVersion = page.metadata?.resourceVersion;
      if (next !== undefined && next !== '') continue;
      if (resourceVersion === undefined) throw new KubeFailure('the list has no resourceVersion');
      return { objects, resourceVersion };
    }
  }

  async #create<T extends KubeObject>(kind: Kind<T>, ours: Sendable): Promise<T> {
    const created = (await this.#call({
      method: 'POST',
      path: collectionPath(kind, ours.metadata['namespace'] as string | undefined),
      query: { fieldManager: FIELD_MANAGER },
      body: { type: 'application/json', content: ours },
    })) as T;
    // The object is there, whatever becomes of this; the next apply does it otherwise.
    const adopted = await this.#adopt(kind, created).catch(() => undefined);
    return prune(adopted ?? created);
  }

  /**
   * What makes an apply conditional. An apply with a resourceVersion alone would create the object anew
   * where it is gone; with the uid as well it is a conflict.
   */
  async #precondition(path: string, object: KubeObject, resourceVersion: string): Promise<object> {
    let { uid } = object.metadata;
    if (uid === undefined) {
      const stored = (await this.#call({ method: 'GET', path }).catch((error: unknown) => {
        if (!(error instanceof KubeFailure) || error.status !== 404) throw error;
        throw new KubeFailure('it is gone', { status: 409, reason: 'Conflict' });
      })) as KubeObject;
      uid = stored.metadata.uid;
    }
    return { uid, resourceVersion };
  }

  /** See {@link adoptionPatch}. @returns the changed object, or undefined where there was nothing to do. */
  async #adopt<T extends KubeObject>(kind: Kind<T>, stored: T): Promise<T | undefined> {
    const content = adoptionPatch(stored);
    if (content === undefined) return undefined;
    return (await this.#call({
      method: 'PATCH',
      path: objectPath(kind, stored.metadata),
      query: { fieldManager: FIELD_MANAGER },
      body: { type: 'application/json-patch+json', content },
    })) as T;
  }

  /** @param force whether to take fields over that somebody else has set */
  async #applyPatch<T extends KubeObject>(
    path: string,
    content: object,
    force: 'true' | 'false' = 'true',
  ): Promise<T> {
    return (await this.#call({
      method: 'PATCH',
      path,
      query: { fieldManager: FIELD_MANAGER, force },
      body: { type: APPLY_PATCH, content },
    })) as T;
  }

  #call(request: KubeRequest): Promise<unknown> {
    const { deadlineMs } = this.#times;
    if (URGENT.test(request.path)) return this.#transport.call(request, deadlineMs);
    // Asked when it is its turn and a connection stands: both may have taken long.
    const beforeSending = (): void => {
      if (this.#mayWrite()) return;
      throw new KubeFailure('this process does not lead any more', { status: 409 });
    };
    const isRead = request.method === 'GET';
    return this.pace.run(() =>
      this.#transport.call(isRead ? request : { ...request, beforeSending }, deadlineMs),
    );
  }

  /** Turns what fails into a StoreError that says what was tried. */
  async #ask<R>(action: string, run: () => Promise<R>): Promise<R> {
    try {
      return await run();
    } catch (error) {
      throw storeError(action, this.location, failureOfError(error));
    }
  }

  /** Counts `run` and turns what fails into a StoreError that says what was tried. */
  async #do<R>(verb: Verb, action: string, run: () => Promise<R>): Promise<R> {
    try {
      const result = await run();
      this.counters.calls[verb].succeeded++;
      return result;
    } catch (error) {
      this.counters.calls[verb].failed++;
      if (error instanceof StoreError) {
        throw new StoreError(error.code, `Cannot ${action} at ${this.location}: ${error.message}`);
      }
      throw storeError(action, this.location, failureOfError(error));
    }
  }
}

/** What a failure says about how much the server can do. */
function judge(error: unknown): Judgement {
  const { status, isAnswer, retryAfterSeconds } = failureOfError(error);
  const isOverloaded = status !== undefined && (status === 429 || status >= 500);
  return {
    end: isOverloaded ? 'overloaded' : isAnswer ? 'answered' : 'lost',
    ...(retryAfterSeconds !== undefined && {
      retryAfterMs: Math.min(retryAfterSeconds, LONGEST_PAUSE_SECONDS) * 1000,
    }),
  };
}

interface ListPage<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

interface TokenRequest {
  readonly spec?: { readonly expirationSeconds?: number };
  readonly status?: { readonly token?: unknown };
}

interface Sendable {
  metadata: Record<string, unknown>;
  [field: string]: unknown;
}

/** The object without its status and without what only the server may set. */
function sendable(object: KubeObject): Sendable {
  const { status: _status, metadata, ...content } = object as KubeObject & { status?: unknown };
  const {
    uid: _uid,
    resourceVersion: _resourceVersion,
    generation: _generation,
    creationTimestamp: _creationTimestamp,
    deletionTimestamp: _deletionTimestamp,
    ...rest
  } = metadata;
  return { ...content, metadata: rest };
}

function describe(kind: Kind, { name, namespace }: ObjectRef): string {
  return `${kind.kind} ${keyOf({ apiVersion: '', kind: '', metadata: { name, ...(namespace !== undefined && { namespace }) } })}`;
}
