/**
 * Parsers for JSON from strangers: each takes any value and returns a new, typed one with nothing in it
 * that was not asked for. Problems are collected, with the field's path, its value, and what is wanted.
 *
 * Why not zod: Kubernetes writes null and "" for absent, and our types have no undefined in optional
 * fields. One walk here checks, leaves such fields out, fills in defaults and drops the unknown, at two
 * microseconds an endpoint; zod needs a transform per field for that, and an error map for the messages.
 */

const MAX_PROBLEMS = 10;
const MAX_SHOWN = 60;

/** Where a walk is, and what it has found wrong. */
export class Place {
  readonly #path: (string | number)[] = [];
  readonly #problems: string[] = [];
  #more = 0;

  get isClean(): boolean {
    return this.#problems.length === 0;
  }

  /** One line each; a long list is cut short. */
  get problems(): string[] {
    return this.#more === 0 ? this.#problems : [...this.#problems, `and ${this.#more} more`];
  }

  /** What `parse` makes of `value`, which is one field or index deeper. */
  within<T>(step: string | number, parse: Parser<T>, value: unknown): T | undefined {
    this.#path.push(step);
    const result = parse(value, this);
    this.#path.pop();
    return result;
  }

  /** Notes that what is here must be `wanted`. Returns undefined, for parsers to return in turn. */
  refuse(value: unknown, wanted: string): undefined {
    this.note(value === undefined || value === null ? 'is missing' : `is ${show(value)}`, wanted);
  }

  note(is: string, wanted: string): undefined {
    if (this.#problems.length === MAX_PROBLEMS) this.#more++;
    else this.#problems.push(`${this.#here()} ${is}, must be ${wanted}`);
  }

  #here(): string {
    const [first = 'the object', ...rest] = this.#path;
    return rest.reduce<string>(
      (path, step) => path + (typeof step === 'number' ? `[${step}]` : `.${step}`),
      String(first),
    );
  }
}

/** The value as JSON, cut where it is long. */
function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Returns undefined exactly when it noted a problem. */
export type Parser<T> = (value: unknown, place: Place) => T | undefined;

/** What a field holds, and what holds where it is absent or null. */
export interface Field<T> {
  readonly parse: Parser<T>;
  /** `missing` = a problem, `drop` = absent in the result too, else makes the value that it gets. */
  readonly absent: 'missing' | 'drop' | (() => T);
  /** Kubernetes writes some absent texts as "". */
  readonly emptyIsAbsent?: boolean;
}

export const required = <T>(parse: Parser<T>): Field<T> => ({ parse, absent: 'missing' });
export const optional = <T>(parse: Parser<T>): Field<T> => ({ parse, absent: 'drop' });
export const optionalText = <T extends string>(parse: Parser<T>): Field<T> => ({
  parse,
  absent: 'drop',
  emptyIsAbsent: true,
});
export const byDefault = <T>(make: () => T, parse: Parser<T>): Field<T> => ({ parse, absent: make });

/** A field for each that the type has: adding one to the type makes the compiler ask for its parser. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** Text that satisfies `test`. */
export const textThat =
  (wanted: string, test: (text: string) => boolean): Parser<string> =>
  (value, place) =>
    typeof value === 'string' && test(value) ? value : place.refuse(value, wanted);

export const text: Parser<string> = (value, place) =>
  typeof value === 'string' ? value : place.refuse(value, 'text');

export const flag: Parser<boolean> = (value, place) =>
  typeof value === 'boolean' ? value : place.refuse(value, 'true or false');

export const integer =
  (min: number, max: number): Parser<number> =>
  (value, place) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : place.refuse(value, `a whole number from ${min} to ${max}`);

export const number =
  (min: number, max: number): Parser<number> =>
  (value, place) =>
    typeof value === 'number' && value >= min && value <= max
      ? value
      : place.refuse(value, `a number from ${min} to ${max}`);

export const oneOf = <const T extends string>(...words: readonly T[]): Parser<T> => {
  const wanted = words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return (value, place) => words.find((word) => word === value) ?? place.refuse(value, wanted);
};

/** A list of `min` to `max` items. */
export const list =
  <T>(parse: Parser<T>, max: number, min = 0): Parser<T[]> =>
  (value, place) => {
    if (!Array.isArray(value)) return place.refuse(value, 'a list');
    if (value.length < min || value.length > max) {
      return place.note(`has ${value.length} entries`, `a list of ${min} to ${max}`);
    }
    const items: T[] = [];
    for (let index = 0; index < value.length; index++) {
      const item = place.within(index, parse, value[index]);
      if (item !== undefined) items.push(item);
    }
    return items.length === value.length ? items : undefined;
  };

/** A map of texts, as labels and annotations are. */
export const texts: Parser<Record<string, string>> = (value, place) => {
  if (!isObject(value)) return place.refuse(value, 'a map of texts');
  const entries = Object.entries(value);
  let sound = true;
  for (const [key, entry] of entries) {
    if (typeof entry === 'string') continue;
    sound = false;
    place.within(key, text, entry);
  }
  // fromEntries defines, where assigning would let a key "__proto__" do something else.
  return sound ? (Object.fromEntries(entries) as Record<string, string>) : undefined;
};

export const object = <T extends object>(fields: Fields<T>): Parser<T> => {
  const entries = Object.entries<Field<unknown>>(fields);
  return (value, place) => {
    if (!isObject(value)) return place.refuse(value, 'an object');
    const result: Record<string, unknown> = {};
    let sound = true;
    for (const [name, field] of entries) {
      const given = Object.hasOwn(value, name) ? value[name] : undefined;
      if (given === undefined || given === null || (given === '' && field.emptyIsAbsent === true)) {
        if (field.absent === 'drop') continue;
        if (field.absent !== 'missing') {
          result[name] = field.absent();
          continue;
        }
      }
      const parsed = place.within(name, field.parse, given);
      if (parsed === undefined) sound = false;
      else result[name] = parsed;
    }
    return sound ? (result as T) : undefined;
  };
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
