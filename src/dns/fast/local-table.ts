/** A table with the path that answers from it, in whichever thread. */
import { AnswerTable } from './answer-table.ts';
import type { RateVerdict } from '../rate-limit.ts';
import type { FastCounts } from './fast-counts.ts';
import { FastPath } from './fast-path.ts';
import type { TableChange, TableHolder } from './table-change.ts';
import { ZoneNames } from './zone-names.ts';

export class LocalTable implements TableHolder {
  readonly path: FastPath;
  readonly #table: AnswerTable;
  readonly #names = new ZoneNames();

  /** @param bytes what answers may take at most */
  constructor(deps: {
    readonly bytes: number;
    readonly counts: FastCounts;
    readonly packets: ArrayBufferLike;
    readonly limit?: (() => RateVerdict) | undefined;
  }) {
    this.#table = new AnswerTable(deps.bytes);
    this.path = new FastPath({ ...deps, table: this.#table, names: this.#names });
  }

  get entries(): number {
    return this.#table.entries;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  apply(change: TableChange): void {
    switch (change.type) {
      case 'reset':
        this.path.serial = change.serial;
        this.path.seed = change.seed;
        this.#table.reset(change.changes);
        this.#names.reset(change.seed, change.zones, change.names);
        break;
      case 'changed':
        this.path.serial = change.serial;
        this.#table.change(change.counters);
        this.#names.unlist(change.counters);
        this.#names.add(change.added);
        this.#names.remove(change.removed);
        break;
      case 'listed':
        this.#names.list(change.service);
        break;
      case 'kept':
        this.#table.keep(change.answer);
        break;
      default:
        change satisfies never;
    }
  }
}
