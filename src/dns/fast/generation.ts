/** One stretch of a table's memory: entries and their blocks, one after the other, found through hashed places. */
import { words } from './block.ts';
import { EntryAt, nameLengthOf, turnsAt } from './entry.ts';
import { sameName } from './name-hash.ts';

const FIRST_WORDS = 4096;
const FIRST_PLACES = 256;

export class Generation {
  /** Entries and blocks. Another array after each growth: read it anew after anything was put in. */
  words = new Int32Array(FIRST_WORDS);
  #view = new DataView(this.words.buffer);
  /** Open addressing: the offset of an entry, or 0. */
  #places = new Int32Array(FIRST_PLACES);
  #entries = 0;
  // Offset 0 stands for "none".
  #top = 1;
  readonly #limit: number;

  /** @param limit words that it may hold at most */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Memory in use, in bytes. */
  get bytes(): number {
    return this.words.byteLength + this.#places.byteLength;
  }

  /**
   * The entry of a question, or 0.
   * @param asked holds the name, in any case of letters, from `start`
   * @param question its length and type, as {@link EntryAt.question} has them
   */
  find(asked: DataView, start: number, question: number, hash: number): number {
    const places = this.#places;
    const held = this.words;
    const mask = places.length - 1;
    let place = hash & mask;
    let entry: number;
    while ((entry = places[place]!) !== 0) {
      if (
        held[entry + EntryAt.hash] === hash &&
        held[entry + EntryAt.question] === question &&
        sameName(asked, start, this.#view, 4 * (entry + EntryAt.name), nameLengthOf(question))
      ) {
        return entry;
      }
      place = (place + 1) & mask;
    }
    return 0;
  }

  /** Whether so many words, and one more entry, can be put in. */
  hasRoom(count: number): boolean {
    return this.#top + count <= this.#limit;
  }

  /**
   * Puts an entry in with no answers yet; one of the same question is out of reach after that.
   * @param source holds it at `at`
   * @returns its offset
   */
  add(source: Int32Array, at: number): number {
    const question = source[at + EntryAt.question]!;
    const fixed = turnsAt(question);
    const period = source[at + EntryAt.period]!;
    const entry = this.#allocate(fixed + period);
    for (let index = 0; index < fixed; index++) this.words[entry + index] = source[at + index]!;
    this.words.fill(0, entry + fixed, entry + fixed + period);
    if (this.#entries * 2 >= this.#places.length) this.#growPlaces();
    const hash = source[at + EntryAt.hash]!;
    const mask = this.#places.length - 1;
    let place = hash & mask;
    let other: number;
    while ((other = this.#places[place]!) !== 0) {
      if (this.#sameQuestion(other, entry)) break;
      place = (place + 1) & mask;
    }
    if (other === 0) this.#entries++;
    this.#places[place] = entry;
    return entry;
  }

  /** Puts a block in. @returns its offset */
  addBlock(source: Int32Array, at: number, length: number): number {
    const block = this.#allocate(length);
    for (let index = 0; index < length; index++) this.words[block + index] = source[at + index]!;
    return block;
  }

  #sameQuestion(a: number, b: number): boolean {
    const held = this.words;
    if (held[a] !== held[b] || held[a + EntryAt.question] !== held[b + EntryAt.question]) return false;
    const length = words(nameLengthOf(held[a + EntryAt.question]!));
    for (let index = EntryAt.name; index < EntryAt.name + length; index++) {
      if (held[a + index] !== held[b + index]) return false;
    }
    return true;
  }

  #allocate(count: number): number {
    const at = this.#top;
    this.#top += count;
    if (this.#top > this.words.length) {
      let length = this.words.length;
      while (length < this.#top) length *= 2;
      const larger = new Int32Array(Math.max(Math.min(length, this.#limit), this.#top));
      larger.set(this.words);
      this.words = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  #growPlaces(): void {
    const old = this.#places;
    this.#places = new Int32Array(old.length * 2);
    const mask = this.#places.length - 1;
    for (const entry of old) {
      if (entry === 0) continue;
      let place = this.words[entry + EntryAt.hash]! & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = entry;
    }
  }
}
