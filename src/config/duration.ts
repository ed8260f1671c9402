const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600 } as const;

/**
 * Seconds, from `30`, `30s`, `500ms`, `5m` or `1h`.
 * @throws Error that says what is wrong
 */
export function parseDuration(text: string): number {
  const [, digits, unit = 's'] = /^(\d{1,9})(ms|s|m|h)?$/.exec(text) ?? [];
  if (digits === undefined) throw new Error('must be a duration such as 500ms, 30s, 5m or 1h');
  return Number(digits) * UNITS[unit as keyof typeof UNITS];
}
