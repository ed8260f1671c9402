/** How long a notice of one's own change may take; then it counts as lost. Reading 10,000 elements takes nft seconds. */
const LOST_AFTER_MS = 120_000;
/** Likewise where the watch began after the change, and may have missed it. */
const MISSED_AFTER_MS = 10_000;
/** What `nft monitor` writes at the end of each transaction. */
const END = /^# new generation /;

/**
 * Tells one's own changes of a table from those of others, in what `nft monitor` writes. The kernel tells of whole
 * transactions, in order, so it is enough to count: neither how late a notice is nor how many lines it has matters.
 */
export class OwnChanges {
  readonly #isOurs: (line: string) => boolean;
  /** Deadlines of the transactions that were begun and not told of yet. */
  #awaited: number[] = [];
  /** Whether the transaction that is being told of changes the table. */
  #touches = false;

  /** @param isOurs whether a line is of the table */
  constructor(isOurs: (line: string) => boolean) {
    this.#isOurs = isOurs;
  }

  /** Whether all that was begun has been told of: what comes now is somebody else's doing. */
  get isSettled(): boolean {
    return this.#awaited.length === 0;
  }

  /** A transaction that changes the table is about to be sent. */
  begin(now: number): void {
    this.#awaited.push(now + LOST_AFTER_MS);
  }

  /** The last one that {@link begin} told of came to nothing. */
  cancel(): void {
    this.#awaited.pop();
  }

  /** @returns whether somebody else has changed the table, as this line, the last of its transaction, tells */
  hear(line: string, now: number): boolean {
    if (line === '') {
      // The watch begins (again): what was before it is told to nobody, what comes soon may be from before.
      this.#awaited = this.#awaited.map((deadline) => Math.min(deadline, now + MISSED_AFTER_MS));
      this.#touches = false;
      return false;
    }
    if (!END.test(line)) {
      this.#touches ||= this.#isOurs(line);
      return false;
    }
    if (!this.#touches) return false;
    this.#touches = false;
    this.#awaited = this.#awaited.filter((deadline) => now < deadline);
    return this.#awaited.shift() === undefined;
  }
}
