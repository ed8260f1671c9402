/** A question with its answers as 32-bit words: how a table holds it, and how it is sent to other threads. */
import { words } from './block.ts';

/** Which word holds what. */
export const EntryAt = {
  hash: 0,
  /** Bytes of the name, and above them the type. */
  question: 1,
  /** The counter of change that it depends on, and where that stood. */
  dependency: 2,
  change: 3,
  /** After how many turns answers repeat, and the turn that is next. */
  period: 4,
  turn: 5,
  /** The name in wire form, lower-cased, padded to whole words; then one word per turn. */
  name: 6,
} as const;

/** Answers that repeat after more turns than this are not for the table. */
export const MAX_PERIOD = 4096;

export const nameLengthOf = (question: number): number => question & 0xffff;

/** Offset of the first turn's word from the entry. */
export const turnsAt = (question: number): number => EntryAt.name + words(nameLengthOf(question));

/** An answer on its way into tables: the entry without its turns, and the block of one turn. */
export interface KeptAnswer {
  readonly entry: Int32Array;
  /** The turn that the block is the answer of. */
  readonly turn: number;
  readonly block: Int32Array;
}
