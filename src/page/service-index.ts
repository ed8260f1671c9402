/**
 * The objects of one list by the service that they are about, kept up with what the list is each time. Objects are
 * never changed: one that is there already has changed nothing.
 */
export class ServiceIndex<T> {
  readonly #keyOf: (object: T) => string | undefined;
  #list: readonly T[] = [];
  readonly #byKey = new Map<string, T[]>(); // `namespace/name` of a service → objects

  /** @param keyOf undefined = it is about none */
  constructor(keyOf: (object: T) => string | undefined) {
    this.#keyOf = keyOf;
  }

  /** In no particular order. */
  get(key: string): readonly T[] {
    return this.#byKey.get(key) ?? [];
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** Takes what is there now; the keys of what came and went are added to `changed`. */
  update(list: readonly T[], changed: Set<string>): void {
    const { gone, come } = differenceOf(this.#list, list);
    this.#list = list;
    for (const object of gone) {
      const key = this.#keyOf(object);
      if (key === undefined) continue;
      changed.add(key);
      const rest = this.get(key).filter((each) => each !== object);
      if (rest.length > 0) this.#byKey.set(key, rest);
      else this.#byKey.delete(key);
    }
    for (const object of come) {
      const key = this.#keyOf(object);
      if (key === undefined) continue;
      changed.add(key);
      const others = this.#byKey.get(key);
      if (others === undefined) this.#byKey.set(key, [object]);
      else others.push(object);
    }
  }
}

/**
 * What came and went. Lists that are kept in one order differ in a few places, and are compared without a table;
 * what is in both, and met at different places, is among both.
 */
function differenceOf<T>(
  before: readonly T[],
  after: readonly T[],
): { readonly gone: readonly T[]; readonly come: readonly T[] } {
  const gone: T[] = [];
  const come: T[] = [];
  let at = 0;
  for (const object of after) {
    if (object !== before[at] && object === before[at + 1]) gone.push(before[at++] as T);
    if (object !== before[at]) {
      come.push(object);
      if (at < before.length) gone.push(before[at] as T);
    }
    at++;
  }
  gone.push(...before.slice(at));
  return { gone, come };
}
