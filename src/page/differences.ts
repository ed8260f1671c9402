/** What is said after and was not before. */
export const newOnes = (before: readonly string[], after: readonly string[]): string[] =>
  after.filter((text) => !before.includes(text));

/** The rows that are new, gone or otherwise than before, by key and in its order. */
export function differences<T>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (row: T) => string,
): [key: string, was: T | undefined, is: T | undefined][] {
  const was = new Map(before.map((row) => [keyOf(row), row]));
  const is = new Map(after.map((row) => [keyOf(row), row]));
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((key) => !isSame(was.get(key), is.get(key)))
    .sort()
    .map((key) => [key, was.get(key), is.get(key)]);
}

/** Most rows are the very same as before. */
const isSame = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
