/** A table for transports that get and send one packet at a time, each in memory of its own. */
import { type RateLimiter, sharedNow } from '../rate-limit.ts';
import type { KeptAnswer } from './entry.ts';
import { fastCounts, type FastCounts } from './fast-counts.ts';
import { ANSWER_ROOM, MAX_FAST_QUERY } from './fast-path.ts';
import { LocalTable } from './local-table.ts';

export class PacketTable {
  readonly table: LocalTable;
  readonly counts: FastCounts = fastCounts();
  /** Of the query that was not answered last: what the table lacks; undefined = it is not one for the table. */
  get miss(): this | undefined {
    return this.table.path.missed === undefined ? undefined : this;
  }
  readonly #bytes = Buffer.alloc(ANSWER_ROOM);
  // Length → the first so many bytes: a view that is there costs nothing.
  readonly #views: (Buffer | undefined)[] = Array.from({ length: ANSWER_ROOM + 1 });

  #address = '';

  /** @param bytes what answers may take at most */
  constructor(bytes: number, limiter?: RateLimiter) {
    const limit = limiter && (() => limiter.check(this.#address, sharedNow()));
    this.table = new LocalTable({ bytes, counts: this.counts, packets: this.#bytes.buffer, limit });
  }

  get turn(): number {
    return this.table.path.missed ?? -1;
  }

  /**
   * @param address the asker's
   * @returns the answer, which the next one overwrites; empty where there is to be none
   */
  answer(query: Buffer, address: string): Buffer | undefined {
    const { path } = this.table;
    if (query.length > MAX_FAST_QUERY) {
      path.missed = undefined;
      return undefined;
    }
    this.#bytes.set(query);
    this.#address = address;
    if (!path.answer(0, query.length)) return undefined;
    return (this.#views[path.length] ??= this.#bytes.subarray(0, path.length));
  }

  keep(answer: KeptAnswer): void {
    this.table.apply({ type: 'kept', answer });
  }
}
