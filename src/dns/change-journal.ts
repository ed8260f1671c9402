import type { Changes } from './shim-wire.ts';

/** Changes that are remembered at most; a plugin that has missed more begins anew. */
const CAPACITY = 16_000;

/**
 * The latest changes, in order, so that each plugin can be told what it has not heard yet: those that are
 * connected, and those that come back.
 */
export class ChangeJournal {
  /** Rises with each change. */
  generation = 1;
  // From this generation on all changes are remembered.
  #since = 1;
  // Generation and what changed then, oldest first. What was forgotten stands before #first.
  #entries: { readonly generation: number; readonly id: number }[] = [];
  #first = 0;

  /** @param changed the ids of what changed now; none = the serial alone has */
  add(changed: 'all' | Iterable<number>): void {
    this.generation++;
    if (changed === 'all') {
      this.#entries = [];
      this.#first = 0;
      this.#since = this.generation;
      return;
    }
    for (const id of changed) this.#entries.push({ generation: this.generation, id });
    while (this.#entries.length - this.#first > CAPACITY) {
      this.#since = this.#entries[this.#first]!.generation;
      this.#first++;
    }
    // Moving all of them only now and then keeps the cost of a change constant.
    if (this.#first > CAPACITY) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The ids of what has changed after this generation, each once; `all` = that cannot be said any more. */
  after(generation: number): Changes['changed'] {
    if (generation < this.#since || generation > this.generation) return 'all';
    const ids = new Set<number>();
    for (let at = this.#entries.length - 1; at >= this.#first; at--) {
      const entry = this.#entries[at]!;
      if (entry.generation <= generation) break;
      ids.add(entry.id);
    }
    return [...ids];
  }
}
