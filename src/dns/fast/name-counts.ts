/**
 * How many names there are of each hash. It may count a name that is not there, since two can share a hash, and
 * never misses one that is: good enough to say which names certainly do not exist.
 */
export class NameCounts {
  // Open addressing. Hash 0 marks a free place; one whose count fell to 0 stays until the next growth.
  #hashes = new Int32Array(64);
  #counts = new Int32Array(64);
  #used = 0;

  clear(): void {
    this.#hashes = new Int32Array(64);
    this.#counts = new Int32Array(64);
    this.#used = 0;
  }

  has(hash: number): boolean {
    return this.#counts[this.#place(hash)]! > 0;
  }

  add(hash: number): void {
    if (this.#used * 2 >= this.#hashes.length) this.#rebuild();
    const place = this.#place(hash);
    if (this.#hashes[place] === 0) {
      this.#hashes[place] = hash || 1;
      this.#used++;
    }
    this.#counts[place]!++;
  }

  /** Takes back one `add` of the same hash. */
  remove(hash: number): void {
    this.#counts[this.#place(hash)]!--;
  }

  #place(hash: number): number {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    const wanted = hash || 1;
    let place = wanted & mask;
    while (hashes[place] !== wanted && hashes[place] !== 0) place = (place + 1) & mask;
    return place;
  }

  #rebuild(): void {
    const [hashes, counts] = [this.#hashes, this.#counts];
    const live = counts.reduce((sum, count) => sum + Number(count > 0), 0);
    const size = live * 4 >= hashes.length ? hashes.length * 2 : hashes.length;
    this.#hashes = new Int32Array(size);
    this.#counts = new Int32Array(size);
    this.#used = 0;
    for (const [old, count] of counts.entries()) {
      if (count <= 0) continue;
      const place = this.#place(hashes[old]!);
      this.#hashes[place] = hashes[old]!;
      this.#counts[place] = count;
      this.#used++;
    }
  }
}
