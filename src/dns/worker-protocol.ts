/** What the main thread and its UDP workers say to each other. */
import type { FastCounts } from './fast/fast-counts.ts';
import type { SharedRateLimit } from './rate-limit.ts';
import type { TableChange } from './fast/table-change.ts';
import type { MessagePort } from 'node:worker_threads';

/** What a worker starts with. */
export interface WorkerStart {
  /** Descriptors of sockets, which the main thread opened and closes. */
  readonly sockets: readonly number[];
  readonly wake: number;
  /** Takes {@link WorkerOrder}s in; gives packed misses out, see {@link packMisses}. */
  readonly port: MessagePort;
  /** Two numbers, see {@link Signal}. */
  readonly signal: Int32Array<SharedArrayBuffer>;
  readonly counts: FastCounts;
  readonly tableBytes: number;
  readonly rateLimit: SharedRateLimit | undefined;
}

export const Signal = {
  /** How many orders were posted. */
  orders: 0,
  /** How many misses the main thread has not answered yet. */
  misses: 1,
} as const;

export type WorkerOrder =
  | { readonly type: 'table'; readonly change: TableChange }
  /** Answer what has arrived and end. @param retire leave what comes to other sockets on the port */
  | { readonly type: 'stop'; readonly retire: boolean };

/** A query that a worker's table does not answer. */
export interface Miss {
  readonly query: Buffer;
  /** As the addon says it. */
  readonly peer: Uint8Array;
  /** What the table lacks (see TableMiss), or undefined where the query is not one for tables. */
  readonly turn: number | undefined;
}

/** What stands for "not for tables" in the place of a turn. */
const NO_TURN = -2;

/** Misses one after the other: length, turn, peer, query, each padded to 4 bytes. */
export class MissPacker {
  readonly #peerBytes: number;
  #bytes = Buffer.alloc(0);
  #top = 0;

  constructor(peerBytes: number) {
    this.#peerBytes = peerBytes;
  }

  /** @returns where the peer is to be written to */
  add(query: Uint8Array, at: number, length: number, turn: number | undefined): Uint8Array {
    const size = 8 + this.#peerBytes + ((length + 3) & ~3);
    if (this.#top + size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(4096, 2 * (this.#top + size)));
      this.#bytes.copy(larger, 0, 0, this.#top);
      this.#bytes = larger;
    }
    const bytes = this.#bytes;
    bytes.writeInt32LE(length, this.#top);
    bytes.writeInt32LE(turn ?? NO_TURN, this.#top + 4);
    const peer = bytes.subarray(this.#top + 8, this.#top + 8 + this.#peerBytes);
    bytes.set(query.subarray(at, at + length), this.#top + 8 + this.#peerBytes);
    this.#top += size;
    return peer;
  }

  /** All that was added, in memory of its own; undefined where that is nothing. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#top === 0) return undefined;
    const taken = new Uint8Array(this.#bytes.subarray(0, this.#top));
    this.#top = 0;
    return taken;
  }
}

/** @param packed by {@link MissPacker} */
export function* unpackMisses(packed: Uint8Array, peerBytes: number): Generator<Miss> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readInt32LE(at);
    const turn = bytes.readInt32LE(at + 4);
    const peer = bytes.subarray(at + 8, at + 8 + peerBytes);
    const query = bytes.subarray(at + 8 + peerBytes, at + 8 + peerBytes + length);
    yield { query, peer, turn: turn === NO_TURN ? undefined : turn };
    at += 8 + peerBytes + ((length + 3) & ~3);
  }
}
