import type { Kind } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import {
  type ApplyOptions,
  type ObjectRef,
  type ObjectStore,
  type Selector,
  StoreError,
  type WatchEvent,
} from '../../../src/store/store.ts';

type Verb = 'list' | 'get' | 'apply' | 'applyStatus' | 'remove';

const UNAVAILABLE = new StoreError('unavailable', 'Cannot reach the store: a test took it away');

interface Following {
  interrupt(error: StoreError): void;
  resume(how: 'changes' | 'snapshot'): void;
}

/** A store that fails when a test says so, and otherwise does what the store inside does. */
export class FaultyStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #failures: { verb: Verb; error: StoreError }[] = [];
  readonly #watches = new Set<Following>();
  #gone: StoreError | undefined;
  /** Of Leases alone, which {@link calls} leaves out. */
  readonly leaseCalls: Record<Verb, number> = { list: 0, get: 0, apply: 0, applyStatus: 0, remove: 0 };
  /** Calls that got through or failed, by verb. */
  readonly calls: Record<Verb | 'watch', number> = {
    list: 0,
    get: 0,
    apply: 0,
    applyStatus: 0,
    remove: 0,
    watch: 0,
  };

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  get location(): string {
    return this.#inner.location;
  }

  /** The next call of `verb` fails; several failures queue up. */
  failNext(verb: Verb, error: StoreError = UNAVAILABLE): void {
    this.#failures.push({ verb, error });
  }

  /** From now on all calls fail and all watches are interrupted. */
  disconnect(error: StoreError = UNAVAILABLE): void {
    this.#gone = error;
    for (const watch of this.#watches) watch.interrupt(error);
  }

  /** Watches resume with the changes that they missed, or with a new snapshot. */
  reconnect(how: 'changes' | 'snapshot'): void {
    this.#gone = undefined;
    for (const watch of this.#watches) watch.resume(how);
  }

  list<T extends KubeObject>(kind: Kind<T>, selector?: Selector): Promise<T[]> {
    return this.#call('list', () => this.#inner.list(kind, selector));
  }

  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    return this.#call('get', () => this.#inner.get(kind, ref), kind);
  }

  apply<T extends KubeObject>(kind: Kind<T>, object: T, options?: ApplyOptions): Promise<T> {
    return this.#call('apply', () => this.#inner.apply(kind, object, options), kind);
  }

  applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    return this.#call('applyStatus', () => this.#inner.applyStatus(kind, object));
  }

  remove(kind: Kind, ref: ObjectRef): Promise<'removed' | 'absent'> {
    return this.#call('remove', () => this.#inner.remove(kind, ref));
  }

  async watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    this.calls.watch++;
    let interrupted = false;
    let missed: WatchEvent<T>[] = [];
    let synced = false;
    let restarted = false;
    let inner = new AbortController();
    const tell = (event: WatchEvent<T>): void => {
      if (signal.aborted) return;
      onEvent(event);
      if (event.type === 'snapshot') {
        if (restarted) onEvent({ type: 'live' });
        restarted = false;
        synced = true;
      }
    };
    const follow = (): void => {
      const mine = inner.signal;
      void this.#inner.watch(
        kind,
        selector,
        (event) => {
          if (interrupted) missed.push(event);
          else tell(event);
        },
        AbortSignal.any([signal, mine]),
      );
    };
    const following: Following = {
      interrupt: (error) => {
        interrupted = true;
        onEvent({ type: 'interrupted', error });
      },
      resume: (how) => {
        if (!interrupted) return;
        interrupted = false;
        const changes = missed.splice(0);
        if (how === 'changes' && synced) {
          for (const event of changes) tell(event);
          tell({ type: 'live' });
          return;
        }
        inner.abort();
        inner = new AbortController();
        restarted = true;
        follow();
      },
    };
    this.#watches.add(following);
    if (this.#gone === undefined) follow();
    else following.interrupt(this.#gone);
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#watches.delete(following);
  }

  async #call<R>(verb: Verb, run: () => Promise<R>, kind?: Kind): Promise<R> {
    // Heartbeats come by the clock, not by what a test does: they only know whether the store is there.
    if (kind?.kind === 'Lease') {
      this.leaseCalls[verb]++;
      if (this.#gone !== undefined) throw this.#gone;
      return run();
    }
    this.calls[verb]++;
    const at = this.#failures.findIndex((failure) => failure.verb === verb);
    const [planned] = at < 0 ? [] : this.#failures.splice(at, 1);
    const error = planned?.error ?? this.#gone;
    if (error !== undefined) throw error;
    return run();
  }
}
