/** What tables are told, in the order in which it happened; all of it can be posted to another thread. */
import type { KeptAnswer } from './entry.ts';
import type { ListedService, ServedZone } from './zone-names.ts';

export type TableChange =
  /** Everything anew: at the start, and when all answers changed. */
  | {
      readonly type: 'reset';
      readonly serial: number;
      /** Of all hashes. */
      readonly seed: number;
      /** Where each counter of change stands. */
      readonly changes: Uint32Array;
      readonly zones: readonly ServedZone[];
      /** Hashes of names that exist; see ZoneNames. */
      readonly names: Int32Array;
    }
  | {
      readonly type: 'changed';
      readonly serial: number;
      /** The counters of what changed. */
      readonly counters: readonly number[];
      readonly added: readonly number[];
      readonly removed: readonly number[];
    }
  /** All names below a service are known until it changes. */
  | { readonly type: 'listed'; readonly service: ListedService }
  | { readonly type: 'kept'; readonly answer: KeptAnswer };

/** Whoever has a table. */
export interface TableHolder {
  apply(change: TableChange): void;
}
