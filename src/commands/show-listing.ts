import { type Clock, systemClock } from '../runtime/clock.ts';
import { StoreError } from '../store/store.ts';
import type { Context } from './command.ts';
import { changedRows, formatChanges, formatRows, type Listing, type OutputFormat } from './listing.ts';

/** How often `--watch` looks. */
export const LOOK_EVERY_MS = 2000;

export interface ShowOptions {
  readonly output: OutputFormat;
  readonly watch: boolean;
}

/**
 * Prints what there is, and with `watch` goes on with what changes until the process is asked to end. Where
 * a server does not answer meanwhile that is told once, and looking goes on.
 */
export async function showListing<Row>(
  listing: Listing<Row>,
  look: () => Promise<readonly Row[]>,
  { output, watch }: ShowOptions,
  { stdout, stderr, process }: Pick<Context, 'stdout' | 'stderr' | 'process'>,
  clock: Clock = systemClock,
): Promise<'done'> {
  let before = await look();
  stdout.write(formatRows(listing, before, output, clock.now()));
  if (before.length === 0) stderr.write(`${listing.none}\n`);
  if (!watch) return 'done';
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
    // A second signal ends the process at once, as it does by itself.
    for (const signal of SIGNALS) process.off(signal, end);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  for (let isAway = false; ;) {
    await clock.sleep(LOOK_EVERY_MS, ending.signal);
    if (ending.signal.aborted) return 'done';
    try {
      const now = await look();
      stdout.write(formatChanges(listing, changedRows(listing, before, now), output, clock.now()));
      before = now;
      if (isAway) stderr.write('It answers again\n');
      isAway = false;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'unavailable') throw error;
      if (!isAway) stderr.write(`${error.message}; this goes on when it answers\n`);
      isAway = true;
    }
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
