/** A table for transports that get and send one packet at a time, each in memory of its own. */
import type { KeptAnswer } from './entry.ts';
import { fastCounts, type FastCounts } from './fast-counts.ts';
import { MAX_FAST_QUERY, RECORDS_ROOM } from './fast-path.ts';
import { LocalTable } from './local-table.ts';

/** Queries are copied to the start, records are written to this offset, and the answer's start goes before them. */
const RECORDS_AT = (MAX_FAST_QUERY + 7) & ~3;

export class PacketTable {
  readonly table: LocalTable;
  readonly counts: FastCounts = fastCounts();
  /** Of the query that was not answered last: what the table lacks; undefined = it is not one for the table. */
  get miss(): this | undefined {
    return this.table.path.missed === undefined ? undefined : this;
  }
  /** The answer made last is in `bytes` from `start` to `end`. */
  readonly bytes: Buffer = Buffer.alloc(RECORDS_AT + RECORDS_ROOM);
  start = 0;
  end = 0;

  /** @param bytes what answers may take at most */
  constructor(bytes: number) {
    const { buffer } = this.bytes;
    this.table = new LocalTable({ bytes, counts: this.counts, input: buffer, output: buffer });
  }

  get turn(): number {
    return this.table.path.missed ?? -1;
  }

  answer(query: Buffer): boolean {
    const { path } = this.table;
    if (query.length > MAX_FAST_QUERY) {
      path.missed = undefined;
      return false;
    }
    query.copy(this.bytes);
    if (!path.answer(0, query.length, RECORDS_AT)) return false;
    this.start = RECORDS_AT - path.headLength;
    this.end = RECORDS_AT + path.recordsLength;
    this.bytes.copyWithin(this.start, 0, path.headLength);
    return true;
  }

  keep(answer: KeptAnswer): void {
    this.table.apply({ type: 'kept', answer });
  }
}
