/**
 * Reading values that strangers wrote: each reader answers a harmless empty value where the shape is not
 * the expected one, so that no object, however malformed, can make the zone throw.
 */

/** The fields of an object; none where `value` is something else. */
export const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The value of an annotation or label; undefined where there is none, or it is not text. */
export function entry(map: unknown, name: string): string | undefined {
  const value = fields(map)[name];
  return typeof value === 'string' ? value : undefined;
}

/** What `json` says, or undefined where it is not JSON. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
