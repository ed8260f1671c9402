import type { Kind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/objects.ts';
import {
  type ApplyOptions,
  type ObjectRef,
  type ObjectStore,
  type Selector,
  StoreError,
  type WatchEvent,
} from '../../store/store.ts';

/**
 * A store whose connection can be cut and mended: while it is cut every call fails as `unavailable` and
 * watches are interrupted; afterwards they begin anew with what is there then.
 */
export class SeverableStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  #line = new AbortController(); // aborts when the connection is cut
  #mended = Promise.withResolvers<void>();

  constructor(inner: ObjectStore) {
    this.#inner = inner;
    this.location = inner.location;
  }

  get isCut(): boolean {
    return this.#line.signal.aborted;
  }

  cut(): void {
    this.#line.abort();
  }

  mend(): void {
    if (!this.isCut) return;
    this.#line = new AbortController();
    this.#mended.resolve();
    this.#mended = Promise.withResolvers();
  }

  async list<T extends KubeObject>(kind: Kind<T>, selector?: Selector): Promise<T[]> {
    this.#check();
    return this.#inner.list(kind, selector);
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    this.#check();
    return this.#inner.get(kind, ref);
  }

  async watch<T extends KubeObject>(
    kind: Kind<T>,
    selector: Selector,
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    let isInterrupted = false;
    while (!signal.aborted) {
      if (this.isCut) {
        if (!isInterrupted) onEvent({ type: 'interrupted', error: this.#error() });
        isInterrupted = true;
        await Promise.race([this.#mended.promise, ended]);
        continue;
      }
      const onInner = (event: WatchEvent<T>): void => {
        onEvent(event);
        if (event.type !== 'snapshot' || !isInterrupted) return;
        isInterrupted = false;
        onEvent({ type: 'live' });
      };
      await this.#inner.watch(kind, selector, onInner, AbortSignal.any([signal, this.#line.signal]));
    }
  }

  async apply<T extends KubeObject>(kind: Kind<T>, object: T, options?: ApplyOptions): Promise<T> {
    this.#check();
    return this.#inner.apply(kind, object, options);
  }

  async applyStatus<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    this.#check();
    return this.#inner.applyStatus(kind, object);
  }

  async remove(kind: Kind, ref: ObjectRef): Promise<'removed' | 'absent'> {
    this.#check();
    return this.#inner.remove(kind, ref);
  }

  #check(): void {
    if (this.isCut) throw this.#error();
  }

  #error(): StoreError {
    return new StoreError('unavailable', `Cannot reach ${this.location}: the cluster is disconnected`);
  }
}
