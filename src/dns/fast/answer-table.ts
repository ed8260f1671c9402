/**
 * Finished answers by question, in flat memory: a look-up makes no object and no string.
 *
 * Answers are put in when they are first asked for, and hold until what they were derived from changes: a zone of
 * a hundred thousand names has a million questions, and most are never asked. What nobody asks for any more
 * goes by generations: when the memory of one is used up, a new one begins, into which look-ups move what they
 * find in the old, and at the next turn the old one is dropped. So questions asked once, by whoever and however
 * many, cost those that are asked again no more than being moved.
 */
import { BlockAt, TOO_LARGE, words } from './block.ts';
import { EntryAt, type KeptAnswer, MAX_PERIOD, turnsAt } from './entry.ts';
import { Generation } from './generation.ts';

/**
 * How many counters of change there are. What answers depend on is told apart by hash alone: where two things share
 * a counter, a change of one makes the other's answers be made again, which is harmless.
 */
export const DEPENDENCY_COUNTERS = 65_536;

/** Equal answers of so many turns next to each other are held once. */
const NEAR_TURNS = 8;

export class AnswerTable {
  /** What the offsets that {@link find} returns refer to; read it anew after each call. */
  held: Int32Array;
  /** After a look-up that found no answer: the turn that it would have been, or -1 where the question is unknown. */
  missedTurn = -1;
  readonly #limit: number;
  readonly #changes = new Uint32Array(DEPENDENCY_COUNTERS);
  #current: Generation;
  #old: Generation | undefined;

  /** @param bytes what it may hold at most, in two generations */
  constructor(bytes: number) {
    this.#limit = Math.floor(bytes / 8);
    this.#current = new Generation(this.#limit);
    this.held = this.#current.words;
  }

  get entries(): number {
    return this.#current.entries + (this.#old?.entries ?? 0);
  }

  get bytes(): number {
    return this.#current.bytes + (this.#old?.bytes ?? 0);
  }

  /**
   * The block that is the answer to a question at its next turn, or 0.
   * Parameters as for {@link Generation.find}.
   */
  find(asked: DataView, start: number, question: number, hash: number): number {
    this.missedTurn = -1;
    let entry = this.#current.find(asked, start, question, hash);
    if (entry === 0) {
      if (this.#old === undefined) return 0;
      const old = this.#old.find(asked, start, question, hash);
      if (old === 0 || !this.#holds(this.#old.words, old)) return 0;
      entry = this.#move(this.#old, old);
      if (entry === 0) return 0;
    }
    const held = this.held;
    if (!this.#holds(held, entry)) return 0;
    const turn = held[entry + EntryAt.turn]!;
    held[entry + EntryAt.turn] = turn + 1 === held[entry + EntryAt.period] ? 0 : turn + 1;
    const block = held[entry + turnsAt(question) + turn]!;
    if (block === 0) this.missedTurn = turn;
    return block;
  }

  /** Puts an answer in; one that depends on something that has changed since is never found. */
  keep({ entry, turn, block }: KeptAnswer): void {
    const question = entry[EntryAt.question]!;
    const period = entry[EntryAt.period]!;
    const wanted = turnsAt(question) + period + block.length;
    if (period > MAX_PERIOD || wanted > this.#limit) return;
    if (!this.#current.hasRoom(wanted)) this.#turnOver();
    const name = new DataView(entry.buffer, entry.byteOffset + 4 * EntryAt.name);
    let at = this.#current.find(name, 0, question, entry[EntryAt.hash]!);
    if (at === 0 || !this.#sameState(at, entry)) at = this.#current.add(entry, 0);
    this.held = this.#current.words;
    const turns = at + turnsAt(question);
    this.#putBlock(turns, turn, block, 0, block.length);
  }

  /** Tells that what has these counters has changed: answers that depend on it are found no more. */
  change(counters: Iterable<number>): void {
    for (const counter of counters) this.#changes[counter]!++;
  }

  /** Drops every answer. @param changes where the counters stand now */
  reset(changes: Uint32Array): void {
    this.#changes.set(changes);
    this.#old = undefined;
    this.#current = new Generation(this.#limit);
    this.held = this.#current.words;
  }

  #holds(held: Int32Array, entry: number): boolean {
    return held[entry + EntryAt.change] === (this.#changes[held[entry + EntryAt.dependency]!]! | 0);
  }

  #sameState(at: number, entry: Int32Array): boolean {
    for (const field of [EntryAt.dependency, EntryAt.change, EntryAt.period]) {
      if (this.held[at + field] !== entry[field]) return false;
    }
    return true;
  }

  #turnOver(): void {
    this.#old = this.#current;
    this.#current = new Generation(this.#limit);
    this.held = this.#current.words;
  }

  /** Copies an entry with its answers into the current generation. @returns where it is now */
  #move(from: Generation, old: number): number {
    const source = from.words;
    const turns = old + turnsAt(source[old + EntryAt.question]!);
    const period = source[old + EntryAt.period]!;
    let wanted = turns - old + period;
    for (let turn = 0; turn < period; turn++) wanted += blockWords(source, source[turns + turn]!);
    if (!this.#current.hasRoom(wanted)) this.#turnOver();
    const entry = this.#current.add(source, old);
    this.held = this.#current.words;
    const into = entry + turns - old;
    for (let turn = 0; turn < period; turn++) {
      const block = source[turns + turn]!;
      if (block !== 0) this.#putBlock(into, turn, source, block, blockWords(source, block));
    }
    return entry;
  }

  /** @param turns where the entry's words of turns begin */
  #putBlock(turns: number, turn: number, source: Int32Array, at: number, length: number): void {
    for (let near = Math.max(0, turn - NEAR_TURNS); near < turn; near++) {
      const block = this.held[turns + near]!;
      if (block !== 0 && this.#equal(block, source, at, length)) {
        this.held[turns + turn] = block;
        return;
      }
    }
    const block = this.#current.addBlock(source, at, length);
    this.held = this.#current.words;
    this.held[turns + turn] = block;
  }

  #equal(block: number, source: Int32Array, at: number, length: number): boolean {
    for (let index = 0; index < length; index++) {
      if (this.held[block + index] !== source[at + index]) return false;
    }
    return true;
  }
}

/** How long the block at an offset is; nothing is at 0. */
function blockWords(held: Int32Array, block: number): number {
  if (block === 0) return 0;
  const records = held[block + BlockAt.sizes]! & 0xffff;
  return (
    BlockAt.records + (records === TOO_LARGE ? 0 : words(records + (held[block + BlockAt.extras]! & 0xffff)))
  );
}
