/** What is said after and was not before. */
export const newOnes = (before: readonly string[], after: readonly string[]): string[] =>
  after.filter((text) => !before.includes(text));

/** The rows that are new, gone or otherwise than before, by key and in its order. */
export function differences<T>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (row: T) => string,
): [key: string, was: T | undefined, is: T | undefined][] {
  // Most rows are the very same as before.
  const [old, young] = [new Set(before), new Set(after)];
  const without = (rows: readonly T[], kept: ReadonlySet<T>): Map<string, T> =>
    new Map(rows.filter((row) => !kept.has(row)).map((row) => [keyOf(row), row]));
  const [was, is] = [without(before, young), without(after, old)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((key) => JSON.stringify(was.get(key)) !== JSON.stringify(is.get(key)))
    .sort()
    .map((key) => [key, was.get(key), is.get(key)]);
}
