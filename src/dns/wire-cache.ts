/**
 * Keeps finished answers by question until what they were derived from changes.
 *
 * An answer that was computed before a change cannot be kept after it: looking up, answering and keeping
 * happen within one synchronous call, and a change is told in another.
 */
import { LRUCache } from 'lru-cache';
import type { Answer, AnswerSource, Dependency } from '../zone/records.ts';
import type { Finished } from './encode.ts';

export interface CacheBounds {
  /** Questions kept at most. */
  readonly entries: number;
  /** Bytes of finished answers kept at most, with an allowance for the bookkeeping. */
  readonly bytes: number;
}

/** One question's answers may take this many bytes; those beyond it are computed when asked for. */
const MAX_ENTRY_BYTES = 256 * 1024;
/** What an entry, and each answer in it, take beside the answer's bytes: as measured with many small ones. */
const ENTRY_OVERHEAD_BYTES = 500;
const ANSWER_OVERHEAD_BYTES = 300;
/** What the length of an answer too large to keep takes. */
const LENGTH_BYTES = 50;

/** Whether what some answers depend on is still as it was, shared by all of them. */
interface Standing {
  current: boolean;
  /** How many kept questions refer to it. */
  questions: number;
}

/** The answers to one question, one per turn. */
export class KeptAnswers {
  bytes = ENTRY_OVERHEAD_BYTES;
  readonly dependsOn: Dependency;
  readonly standing: Standing;
  readonly #period: number;
  #turn: number;
  #only: Finished | undefined;
  // Turn → its answer, or the length of one that was too large to keep. Absent where the period is 1.
  readonly #byTurn: Map<number, Finished | number> | undefined;

  constructor(period: number, turn: number, dependsOn: Dependency, standing: Standing) {
    this.#period = period;
    this.#turn = turn % period;
    this.#byTurn = period === 1 ? undefined : new Map();
    this.dependsOn = dependsOn;
    this.standing = standing;
  }

  /** The turn that the next query of this question is; it counts as taken. */
  takeTurn(): number {
    const turn = this.#turn;
    this.#turn = turn + 1 === this.#period ? 0 : turn + 1;
    return turn;
  }

  /** The answer of a turn, or the bytes that it must send at least, or undefined where it is not known yet. */
  at(turn: number): Finished | number | undefined {
    return this.#byTurn === undefined ? this.#only : this.#byTurn.get(turn);
  }

  /** @returns whether anything was kept */
  add(turn: number, finished: Finished): boolean {
    const answerBytes = finished.bytes.length + finished.opt.length + ANSWER_OVERHEAD_BYTES;
    const fits = this.bytes + answerBytes <= MAX_ENTRY_BYTES;
    const bytes = fits ? answerBytes : LENGTH_BYTES;
    if (this.bytes + bytes > MAX_ENTRY_BYTES) return false;
    if (this.#byTurn === undefined) this.#only = finished;
    else this.#byTurn.set(turn % this.#period, fits ? finished : finished.coreEnd);
    this.bytes += bytes;
    return true;
  }
}

export class WireCache {
  readonly #kept: LRUCache<string, KeptAnswers>;
  // What answers depend on → whether it still stands; only while some kept answer refers to it.
  readonly #standings = new Map<Dependency, Standing>();
  readonly #unsubscribe: () => void;

  constructor(source: AnswerSource, bounds: CacheBounds) {
    this.#kept = new LRUCache({
      max: bounds.entries,
      maxSize: bounds.bytes,
      onInsert: (kept, _key, reason) => {
        if (reason !== 'update') this.#hold(kept);
      },
      dispose: (kept) => this.#release(kept),
    });
    this.#unsubscribe = source.subscribe((changed) => this.#drop(changed));
  }

  get entries(): number {
    return this.#kept.size;
  }

  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /** How many things kept answers depend on: never more than {@link entries}. */
  get dependencies(): number {
    return this.#standings.size;
  }

  /** What is kept for a question, if it still holds. */
  get(key: string): KeptAnswers | undefined {
    const kept = this.#kept.get(key);
    return kept === undefined || kept.standing.current ? kept : undefined;
  }

  /**
   * Keeps an answer, where it may be kept: not one that is for one client alone, and not refusals, which
   * random names could fill the cache with and which cost little.
   * @param turn the turn that it was computed for
   */
  keep(key: string, answer: Answer, turn: number, finished: Finished): void {
    if (answer.kind === 'refused' || answer.kind === 'not-synced') return;
    if (answer.kind === 'records' && answer.perClient) return;
    let kept = this.get(key);
    if (kept === undefined) {
      const period = answer.kind === 'records' ? answer.period : 1;
      const standing = this.#standings.get(answer.dependsOn) ?? { current: true, questions: 0 };
      kept = new KeptAnswers(period, turn + 1, answer.dependsOn, standing);
    }
    if (kept.add(turn, finished)) this.#kept.set(key, kept, { size: kept.bytes });
  }

  close(): void {
    this.#unsubscribe();
    this.#kept.clear();
  }

  /** What holds no longer stays where it is, dead, until it is asked for or makes room: a change costs O(1). */
  #drop(changed: 'all' | ReadonlySet<Dependency>): void {
    if (changed === 'all') {
      this.#kept.clear();
      return;
    }
    for (const dependency of changed) {
      const standing = this.#standings.get(dependency);
      if (standing === undefined) continue;
      standing.current = false;
      this.#standings.delete(dependency);
    }
  }

  #hold({ dependsOn, standing }: KeptAnswers): void {
    standing.questions++;
    this.#standings.set(dependsOn, standing);
  }

  #release(kept: KeptAnswers): void {
    kept.standing.questions--;
    // One that stands no longer may have a successor in its place.
    if (kept.standing.questions === 0 && kept.standing.current) this.#standings.delete(kept.dependsOn);
  }
}
