import type { Clock } from '../runtime/clock.ts';
import type { Refusal } from './refusal.ts';

const LOOK_EVERY_MS = 250;

export interface Patience {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Told of each change of what is waited for. */
  readonly onProgress: (line: string) => void;
}

/**
 * Looks until nothing is waited for.
 *
 * @param saying begins what is told: `waiting for `
 * @param look what is waited for, in words; empty = nothing any more
 * @param refusal what is thrown after `timeoutMs`, of what was still waited for
 */
export async function untilNothingWaits(
  { clock, timeoutMs, onProgress }: Patience,
  saying: string,
  look: () => Promise<readonly string[]>,
  refusal: (line: string, seconds: number) => Refusal,
): Promise<void> {
  const end = clock.monotonic() + timeoutMs;
  let said = '';
  for (;;) {
    const line = (await look()).join(', ');
    if (line === '') return;
    if (line !== said) onProgress(saying + line);
    said = line;
    if (clock.monotonic() >= end) throw refusal(line, Math.round(timeoutMs / 1000));
    await clock.sleep(LOOK_EVERY_MS);
  }
}
