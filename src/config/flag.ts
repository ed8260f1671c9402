/** Flags and operands of a command, as data, and the types of what comes out of them. */
import type * as z from 'zod';

interface Described {
  /** What it does, in a phrase without a full stop: it stands in `--help` and in the reference. */
  readonly help: string;
}

interface Valued<T> extends Described {
  /** What stands for the value in the help, in capitals, e.g. `ADDRESS:PORT`. */
  readonly placeholder: string;
  /** From the text that the user wrote to the value that the command gets. */
  readonly type: z.ZodType<T, string>;
  /** All values there are, for shells that complete; absent where there is no such list. */
  readonly choices?: readonly string[];
  /** Whether shells complete names of files or directories. */
  readonly completes?: 'file' | 'directory';
}

/** `--ttl SECONDS`; without a default the command gets undefined when nobody set it. */
export interface ValueFlag<T = unknown> extends Valued<T> {
  readonly form: 'value';
  /** One letter that may stand for the name, e.g. `o` for `-o`. */
  readonly short?: string;
  /** As the user would write it. */
  readonly default?: string;
}

/** `--listen ADDRESS:PORT`, which may be given again, or a list with commas. */
export interface ListFlag<T = unknown> extends Valued<T> {
  readonly form: 'list';
  readonly default: readonly string[];
}

/** `--strict-names`, or `--no-strict-names` against a file or variable; off where nobody turns it on, unless it says so. */
export interface SwitchFlag extends Described {
  readonly form: 'switch';
  readonly default?: 'true';
}

export type Flag = ValueFlag | ListFlag | SwitchFlag;

/** Flag name in kebab-case → flag. */
export type Flags = Readonly<Record<string, Flag>>;

/** What stands behind the command without a name before it. Only the last ones may be left out. */
export interface Operand<T = unknown> extends Valued<T> {
  readonly required: boolean;
}

/** Operand name, in order → operand. */
export type Operands = Readonly<Record<string, Operand>>;

/** A command, all but what it does. */
export interface CommandSpec<F extends Flags = Flags, O extends Operands = Operands> {
  /** One word, or two with a space between them. */
  readonly name: string;
  /** One line without a full stop, for the list of commands. */
  readonly summary: string;
  /** Some sentences for its own help. */
  readonly description: string;
  readonly example: { readonly command: string; readonly effect: string };
  readonly operands: O;
  readonly flags: F;
}

type FlagValue<F> = F extends SwitchFlag
  ? boolean
  : F extends ListFlag<infer T>
    ? readonly T[]
    : F extends ValueFlag<infer T>
      ? F extends { readonly default: string }
        ? T
        : T | undefined
      : never;

type OperandValue<O> =
  O extends Operand<infer T> ? (O extends { readonly required: true } ? T : T | undefined) : never;

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** The checked values of a command's flags and operands, under their names in camelCase. */
export type Values<S extends CommandSpec> = {
  readonly [K in keyof S['flags'] & string as CamelCase<K>]: FlagValue<S['flags'][K]>;
} & { readonly [K in keyof S['operands'] & string as CamelCase<K>]: OperandValue<S['operands'][K]> };

export const camelCase = (name: string): string =>
  name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** The environment variable that sets the flag of this name. */
export const variableOf = (flag: string): string => `PHAROS_${flag.replaceAll('-', '_').toUpperCase()}`;
