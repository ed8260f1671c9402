const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines as soon as each is complete. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = []; // the beginning of an unfinished line
  #size = 0;

  /** @param maxBytes a longer line is an error: memory must not follow what a stranger sends */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Calls `onLine` with each line that `chunk` completes, without its end. @throws RangeError on too long a line */
  push(chunk: Buffer, onLine: (line: string) => void): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      onLine(line);
    }
    if (start === chunk.length) return;
    this.#size += chunk.length - start;
    if (this.#size > this.#maxBytes) throw new RangeError(`a line is longer than ${this.#maxBytes} bytes`);
    this.#parts.push(chunk.subarray(start));
  }

  #complete(tail: Buffer): string {
    if (this.#parts.length === 0) return tail.toString('utf8');
    this.#parts.push(tail);
    const line = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#size = 0;
    return line;
  }
}
