import assert from 'node:assert/strict';
import type { Kind } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import type { ObjectStore, Selector, WatchEvent } from '../../../src/store/store.ts';

/** What a watch told so far, also as one line per event: `snapshot a b`, `set a`, `interrupted`. */
export interface Recording<T extends KubeObject> {
  readonly events: readonly WatchEvent<T>[];
  readonly lines: readonly string[];
  /** Resolves once `line` has been told `times` times; fails after half a minute. */
  until(line: string, times?: number): Promise<void>;
  /** Aborts the watch; resolves when it has ended. */
  stop(): Promise<void>;
}

const LIMIT_MS = 30_000;

function lineOf(event: WatchEvent<KubeObject>): string {
  switch (event.type) {
    case 'snapshot':
      return ['snapshot', ...Array.from(event.objects, (object) => object.metadata.name).sort()].join(' ');
    case 'set':
    case 'removed':
      return `${event.type} ${event.object.metadata.name}`;
    case 'interrupted':
    case 'live':
      return event.type;
    default:
      return event satisfies never;
  }
}

export function record<T extends KubeObject>(
  store: Pick<ObjectStore, 'watch'>,
  kind: Kind<T>,
  selector: Selector,
  signal: AbortSignal,
): Recording<T> {
  const events: WatchEvent<T>[] = [];
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const stop = new AbortController();
  const ended = store.watch(
    kind,
    selector,
    (event) => {
      events.push(event);
      lines.push(lineOf(event));
      for (const look of waiting) look();
    },
    AbortSignal.any([signal, stop.signal]),
  );
  return {
    events,
    lines,
    until: (line, times = 1) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = (): void => {
        if (lines.filter((told) => told === line).length < times) return;
        clearTimeout(limit);
        waiting.delete(look);
        resolve();
      };
      const limit = setTimeout(() => {
        waiting.delete(look);
        const message = `"${line}" was not told ${times} time(s) in ${LIMIT_MS} ms, only: ${lines.join('; ')}`;
        reject(new assert.AssertionError({ message }));
      }, LIMIT_MS);
      waiting.add(look);
      look();
      return promise;
    },
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}
