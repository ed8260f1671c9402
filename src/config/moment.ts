import { parseDuration } from './duration.ts';

/**
 * A moment in milliseconds since 1970, from how long ago it was (`10m`), or from an RFC 3339 time.
 *
 * @param now likewise
 * @throws Error that says what is wrong
 */
export function parseMoment(text: string, now: number): number {
  if (/^\d{4}-\d\d-\d\dT/.test(text)) {
    const time = Date.parse(text);
    if (!Number.isNaN(time)) return time;
  } else if (/^\d+(ms|s|m|h)?$/.test(text)) {
    return now - parseDuration(text) * 1000;
  }
  throw new Error('must be how long ago, as 10m, or a time, as 2026-11-25T02:00:00Z');
}
