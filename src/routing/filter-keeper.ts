import { type NftObject, applyNft, readNftTable } from '../host/nft.ts';
import type { Run } from '../host/run.ts';
import { type Filter, filterRuleset } from './filter.ts';

/** Keeps the `inet pharos` table what it is meant to be. */
export class FilterKeeper {
  readonly #run: Run;
  /** The ruleset that was applied last, and what nft made of it. */
  #applied: { readonly text: string; readonly read: string } | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * @returns `kept` where all was so already; `repaired` where somebody had changed the table. May be repeated.
   * @throws CommandError with nft's words
   */
  async set(filter: Filter): Promise<'kept' | 'changed' | 'repaired'> {
    const ruleset = filterRuleset(filter);
    const applied = this.#applied;
    const isWanted = applied?.text === ruleset.text;
    if (isWanted && (await this.#read()) === applied.read) return 'kept';
    await applyNft(this.#run, ruleset);
    this.#applied = { text: ruleset.text, read: await this.#read() };
    return isWanted ? 'repaired' : 'changed';
  }

  async #read(): Promise<string> {
    return fingerprint((await readNftTable(this.#run, 'inet', true)) ?? []);
  }
}

/** A table's content without what changes by itself: handles and what counters have counted. */
const fingerprint = (objects: readonly NftObject[]): string =>
  JSON.stringify(objects, (key, value: unknown) =>
    key === 'handle' || key === 'packets' || key === 'bytes' ? undefined : value,
  );
