/** Cuts a TCP stream into DNS messages: each has its length before it, in two bytes (RFC 1035, 4.2.2). */
import { uint16 } from './header.ts';

const PREFIX = 2;
const EMPTY = Buffer.alloc(0);

export class FrameReader {
  // Bytes from #start to #end were received and not yet read.
  #bytes: Buffer = EMPTY;
  #start = 0;
  #end = 0;

  /** Takes the next bytes of the stream, however it was cut. */
  push(chunk: Buffer): void {
    const unread = this.#end - this.#start;
    if (unread === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    const total = unread + chunk.length;
    if (total > this.#bytes.length || this.#start > 0) {
      // Room grows by doubling, so that a stream of single bytes is not copied over for each of them.
      const roomy = total > this.#bytes.length ? Buffer.allocUnsafe(2 * total) : this.#bytes;
      this.#bytes.copy(roomy, 0, this.#start, this.#end);
      this.#bytes = roomy;
      this.#start = 0;
    }
    chunk.copy(this.#bytes, unread);
    this.#end = total;
  }

  /** The next whole message, valid until the next `push`; undefined where none is whole yet. */
  next(): Buffer | undefined {
    const unread = this.#end - this.#start;
    if (unread < PREFIX) return undefined;
    const length = uint16(this.#bytes, this.#start);
    if (unread < PREFIX + length) return undefined;
    const start = this.#start + PREFIX;
    this.#start = start + length;
    const message = this.#bytes.subarray(start, this.#start);
    // Nothing of a chunk that was read through stays allocated while the connection is quiet.
    if (this.#start === this.#end) this.#bytes = EMPTY;
    return message;
  }
}
