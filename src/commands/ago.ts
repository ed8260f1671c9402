import { formatAge } from './print-table.ts';

/**
 * `3s ago` of an RFC 3339 time; what is no time as it stands, since somebody may have written it by hand.
 *
 * @param now milliseconds since 1970
 */
export function ago(time: string | undefined, now: number, otherwise = '-'): string {
  if (time === undefined) return otherwise;
  const then = Date.parse(time);
  return Number.isNaN(then) ? time : `${formatAge(now - then)} ago`;
}
