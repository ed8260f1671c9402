import type { Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';

/** Which objects of a kind: absent fields do not restrict. Labels must all be equal; '' asks for presence only with `labelExists`. */
export interface Selector {
  readonly namespace?: string;
  /** The one object of this name. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Labels that must be present, whatever their value. */
  readonly labelExists?: readonly string[];
}

/**
 * What a watch tells. It starts with exactly one `snapshot` (however long that takes) and goes on with
 * single changes. After a loss (`interrupted`) it resumes by itself: either seamlessly with further
 * changes, or with a fresh `snapshot` that replaces all that was known; `live` says that it is up to
 * date again. Objects are frozen in meaning: nobody changes them. Those of a snapshot may be made as they are
 * walked, anew each time.
 */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'snapshot'; readonly objects: Iterable<T> }
  | { readonly type: 'set'; readonly object: T }
  | { readonly type: 'removed'; readonly object: T }
  | { readonly type: 'interrupted'; readonly error: StoreError }
  | { readonly type: 'live' };

export interface ApplyOptions {
  /**
   * Optimistic concurrency: `absent` = create, or fail with `conflict` where the object exists; a
   * resourceVersion = fail with `conflict` unless the stored object still has it; `unclaimed` = fail with
   * `conflict` where somebody else has set a field of ours to something else (a store that does not know who
   * set what: where the object is there and not as wanted).
   */
  readonly if?: 'absent' | 'unclaimed' | { readonly resourceVersion: string };
}

export interface ObjectRef {
  readonly name: string;
  readonly namespace?: string;
}

/**
 * A place where Kubernetes objects live: an API server, a directory of manifests, memory. The agent
 * syncs a store with a store; the DNS server reads a store. All adapters pass one contract suite
 * (test/unit/store/contract.ts). Every failure is a {@link StoreError}; every call may be repeated.
 */
export interface ObjectStore {
  /** For logs and errors: where this is, e.g. `https://10.0.0.1:6443` or a directory. */
  readonly location: string;

  list<T extends KubeObject>(kind: Kind<T>, selector?: Selector): Promise<T[]>;

  /** The object, or undefined where there is none. */
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined>;

  /**
   * Follows a kind until `signal` aborts; resolves then, and only then. Lists, watches, resumes and
   * backs off by itself; errors arrive as `interrupted`, never as a rejection. `onEvent` must not throw.
   */
  watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void>;

  /**
   * Creates the object or makes the stored one carry exactly these fields of ours (server-side apply,
   * forced, without status). Fields that we applied earlier and leave out now go. Answers what is stored.
   * Applying what is stored already changes nothing, not even the resourceVersion.
   */
  apply<T extends KubeObject>(kind: Kind<T>, object: T, options?: ApplyOptions): Promise<T>;

  /** Sets the object's `status` (its subresource) and nothing else; `not-found` where it is gone. */
  applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T>;

  /** Removing what is absent is a success. */
  remove(kind: Kind, ref: ObjectRef): Promise<'removed' | 'absent'>;
}

export type StoreErrorCode = 'conflict' | 'not-found' | 'invalid' | 'forbidden' | 'unavailable';

/** `unavailable` and `conflict` are worth a retry; `invalid` and `forbidden` need somebody to change something. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** Seconds the server asked us to wait (HTTP Retry-After), where it did. */
  readonly retryAfterSeconds: number | undefined;
  constructor(
    code: StoreErrorCode,
    message: string,
    options?: { cause?: unknown; retryAfterSeconds?: number },
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}
