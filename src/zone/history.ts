import type { ImportModel } from './import-model.ts';
import type { Reachability } from './reachability.ts';
import type { SliceModel } from './slice-model.ts';
import type { ServiceKey } from './zone-index.ts';

/** What something was before a change of it. */
export type Before =
  | { readonly of: 'import'; readonly key: ServiceKey; readonly before: ImportModel | undefined }
  | {
      readonly of: 'slice';
      readonly key: ServiceKey;
      /** The slice's namespace/name. */
      readonly slice: string;
      readonly before: SliceModel | undefined;
    }
  | { readonly of: 'reachability'; readonly before: Reachability }
  /** cluster → who drained it, in words */
  | { readonly of: 'drained'; readonly before: ReadonlyMap<string, string> }
  | { readonly of: 'stale'; readonly before: string | undefined };

export type Remembered = Before & {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The zone's serial before it. */
  readonly serial: number;
};

/** So many changes are remembered: what each replaced is kept for as long, some kilobytes. */
const MOST = 2000;

/** The recent changes of a zone, each with what was before it: what the zone was at a moment follows by undoing. */
export class ZoneHistory {
  readonly #now: () => number;
  readonly #most: number;
  #changes: Remembered[] = [];
  #since: number | undefined;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number, most: number = MOST) {
    this.#now = now;
    this.#most = most;
  }

  /** The moment from which on all is remembered; undefined before {@link begin}. */
  get since(): number | undefined {
    return this.#since;
  }

  /** The zone is complete: what was before is nobody's answer. */
  begin(): void {
    this.#changes = [];
    this.#since = this.#now();
  }

  remember(change: Before, serial: number): void {
    if (this.#since === undefined) return;
    this.#changes.push({ ...change, at: this.#now(), serial });
    // Half at once, so that a full one costs no more per change than one that is not.
    if (this.#changes.length < this.#most * 2) return;
    const dropped = this.#changes.length - this.#most;
    this.#since = this.#changes[dropped - 1]?.at ?? this.#since;
    this.#changes = this.#changes.slice(dropped);
  }

  /** The changes after a moment, the latest first. */
  *after(time: number): IterableIterator<Remembered> {
    for (let index = this.#changes.length - 1; index >= 0; index--) {
      const change = this.#changes[index];
      if (change === undefined || change.at <= time) return;
      yield change;
    }
  }
}
