/** A store of the test's process, as a child sees it over its IPC channel: many nodes, one memory, no API server. */
import type { ChildProcess } from 'node:child_process';
import type { Kind } from '../../../../src/api/kinds.ts';
import type { KubeObject } from '../../../../src/api/objects.ts';
import {
  type ApplyOptions,
  type ObjectRef,
  type ObjectStore,
  type Selector,
  StoreError,
  type StoreErrorCode,
  type WatchEvent,
} from '../../../../src/store/store.ts';

type Call =
  | { readonly method: 'list'; readonly args: [Kind, Selector?] }
  | { readonly method: 'get' | 'remove'; readonly args: [Kind, ObjectRef] }
  | { readonly method: 'apply'; readonly args: [Kind, KubeObject, ApplyOptions?] }
  | { readonly method: 'applyStatus'; readonly args: [Kind, KubeObject] }
  | { readonly method: 'watch'; readonly args: [Kind, Selector] };
type Request = Call & { readonly store: string; readonly id: number };
type Failure = { readonly code: StoreErrorCode; readonly message: string };
type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly id: number; readonly event: WatchEvent<KubeObject> };

/** Serves a child's stores until it ends. Stores that are away answer `unavailable`. */
export function serveStores(
  child: ChildProcess,
  stores: Readonly<Record<string, ObjectStore>>,
  isAway: (store: string) => boolean = () => false,
): void {
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  child.on('message', (message: Request) => {
    const store = stores[message.store];
    if (store === undefined) return;
    const send = (reply: Reply): void => void (child.connected && child.send(reply, () => {}));
    const { id } = message;
    if (message.method === 'watch') {
      const [kind, selector] = message.args;
      void store.watch(kind, selector, (event) => send({ id, event }), ended.signal);
      return;
    }
    const work = async (): Promise<unknown> => {
      if (isAway(message.store)) throw new StoreError('unavailable', 'the store is away');
      switch (message.method) {
        case 'list':
          return store.list(...message.args);
        case 'get':
          return (await store.get(...message.args)) ?? null;
        case 'remove':
          return store.remove(...message.args);
        case 'apply':
          return store.apply(...message.args);
        case 'applyStatus':
          return store.applyStatus(...message.args);
        default:
          return message satisfies never;
      }
    };
    work().then(
      (result) => send({ id, result }),
      (error: unknown) => {
        const code = error instanceof StoreError ? error.code : 'invalid';
        send({ id, failure: { code, message: (error as Error).message } });
      },
    );
  });
}

const waiting = new Map<number, (reply: Reply) => void>();
let last = 0;
process.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply));

/** In the child: the store of this name in the parent. */
export function remoteStore(store: string): ObjectStore {
  const call = <R>(request: Call): Promise<R> => {
    const id = ++last;
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    waiting.set(id, (reply) => {
      waiting.delete(id);
      if ('failure' in reply) reject(new StoreError(reply.failure.code, reply.failure.message));
      else if ('result' in reply) resolve(reply.result as R);
    });
    process.send?.({ ...request, store, id });
    return promise;
  };
  return {
    location: store,
    list: <T extends KubeObject>(kind: Kind<T>, selector?: Selector) =>
      call<T[]>({ method: 'list', args: [kind, selector ?? {}] }),
    get: async <T extends KubeObject>(kind: Kind<T>, ref: ObjectRef) =>
      (await call<T | null>({ method: 'get', args: [kind, ref] })) ?? undefined,
    apply: <T extends KubeObject>(kind: Kind<T>, object: T, options?: ApplyOptions) =>
      call<T>({ method: 'apply', args: [kind, object, options ?? {}] }),
    applyStatus: <T extends KubeObject>(kind: Kind<T>, object: T) =>
      call<T>({ method: 'applyStatus', args: [kind, object] }),
    remove: (kind, ref) => call({ method: 'remove', args: [kind, ref] }),
    watch: <T extends KubeObject>(
      kind: Kind<T>,
      selector: Selector,
      onEvent: (event: WatchEvent<T>) => void,
      signal: AbortSignal,
    ): Promise<void> => {
      const id = ++last;
      waiting.set(id, (reply) => {
        if ('event' in reply) onEvent(reply.event as WatchEvent<T>);
      });
      process.send?.({ method: 'watch', args: [kind, selector], store, id });
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          waiting.delete(id);
          resolve();
        });
      });
    },
  };
}
