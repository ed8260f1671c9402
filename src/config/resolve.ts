/** From what the user wrote, in whatever place, to the checked values of a command. */
import * as z from 'zod';
import type { FileEntry } from './file.ts';
import { camelCase, type CommandSpec, type Flag, type Values, variableOf } from './flag.ts';

export interface Sources {
  /** Flag or operand name → what stands on the command line, in order. */
  readonly written: ReadonlyMap<string, readonly string[]>;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly path: string; readonly entries: ReadonlyMap<string, FileEntry> };
}

export type Resolved<S extends CommandSpec> =
  | { readonly ok: true; readonly values: Values<S> }
  | { readonly ok: false; readonly problems: readonly string[] };

interface Found {
  /** What the user must look at, e.g. `--ttl`, `PHAROS_TTL`, `pharos.yaml:3: ttl`. */
  readonly origin: string;
  readonly texts: readonly string[];
}

const switchType = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((is) => is === 'true');

/** A flag beats its variable beats the file beats the default. Every problem is told, not only the first. */
export function resolveValues<S extends CommandSpec>(spec: S, sources: Sources): Resolved<S> {
  const shape: Record<string, z.ZodType> = {};
  const input: Record<string, unknown> = {};
  const found = new Map<string, Found>();
  for (const [name, flag] of Object.entries(spec.flags)) {
    const given = find(name, flag, sources);
    if (given !== undefined) found.set(name, given);
    const texts = given?.texts ?? defaultsOf(flag);
    switch (flag.form) {
      case 'list':
        shape[name] = z.array(flag.type).min(flag.default.length > 0 ? 1 : 0, { error: 'must have a value' });
        input[name] = texts;
        break;
      case 'value':
        shape[name] = flag.default === undefined ? flag.type.optional() : flag.type;
        input[name] = texts.at(-1);
        break;
      case 'switch':
        shape[name] = switchType;
        input[name] = texts.at(-1);
        break;
      default:
        flag satisfies never;
    }
  }
  for (const [name, operand] of Object.entries(spec.operands)) {
    const texts = sources.written.get(name) ?? [];
    found.set(name, { origin: operand.placeholder, texts });
    shape[name] = operand.required ? operand.type : operand.type.optional();
    input[name] = texts[0];
  }
  const result = z.object(shape).safeParse(input);
  if (result.success) {
    const values = Object.entries(result.data).map(([name, value]) => [camelCase(name), value]);
    return { ok: true, values: Object.fromEntries(values) as Values<S> };
  }
  return {
    ok: false,
    problems: result.error.issues.map(({ path: [name, index], message }) => {
      const { origin, texts } = found.get(String(name)) ?? { origin: `--${String(name)}`, texts: [] };
      const written = typeof index === 'number' ? texts[index] : texts.at(-1);
      return `${origin}${written === undefined ? '' : ` ${JSON.stringify(withoutSecrets(written))}`}: ${message}`;
    }),
  };
}

/** What a URL has between `//` and `@` and behind `?` may be a password, also where the URL is wrong. */
const withoutSecrets = (text: string): string =>
  /^[a-z+]+:\/\//i.test(text)
    ? text.replace(/\/\/.*@/, '//[secret]@').replace(/\?.*/, '?[parameters]')
    : text;

function find(name: string, flag: Flag, { written, variables, file }: Sources): Found | undefined {
  const listed = (texts: readonly string[]): readonly string[] =>
    flag.form === 'list' ? texts.flatMap((text) => text.split(',').map((item) => item.trim())) : texts;
  const texts = written.get(name);
  if (texts !== undefined) return { origin: `--${name}`, texts: listed(texts) };
  const variable = variables[variableOf(name)];
  if (variable !== undefined) return { origin: variableOf(name), texts: listed([variable]) };
  const entry = file?.entries.get(name);
  return entry && { origin: `${file?.path}:${entry.line}: ${name}`, texts: entry.texts };
}

function defaultsOf(flag: Flag): readonly string[] {
  switch (flag.form) {
    case 'list':
      return flag.default;
    case 'value':
      return flag.default === undefined ? [] : [flag.default];
    case 'switch':
      return [flag.default ?? 'false'];
    default:
      return flag satisfies never;
  }
}
