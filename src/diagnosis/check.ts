/** What `pharos diagnose` can look at: checks as data, each decided by a pure function over gathered facts. */
import type { CheckGroup } from '../config/check-groups.ts';
import type { FactName, FactValues } from './facts.ts';

/** What was found out. Every reason names what is there, and what was expected. */
export type Verdict =
  /** `note`: what is worth knowing all the same, such as a choice that costs something. */
  | { readonly is: 'ok'; readonly note?: string }
  | { readonly is: 'failed'; readonly reasons: readonly string[] }
  /** There is nothing here that it could be about. */
  | { readonly is: 'skipped'; readonly why: string }
  /** It could not be found out. */
  | { readonly is: 'unknown'; readonly why: string };

/** What a decision needs beside the facts. */
export interface Surroundings {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of the Pharos that looks. */
  readonly version: string;
  /** The zone of the clusterset, with or without the dot at its end. */
  readonly zone: string;
}

export interface Check<N extends FactName = FactName> {
  /** `group.what`: stable, for `--only`, for scripts and for the docs. */
  readonly id: `${CheckGroup}.${string}`;
  /** What holds when it is ok, in one sentence. */
  readonly proves: string;
  /** What is looked at, in one sentence. */
  readonly how: string;
  /** What to do when it fails. */
  readonly mend: string;
  /** A heading of the documentation: `docs/….md#…`. */
  readonly docs: `docs/${string}.md#${string}`;
  readonly needs: readonly N[];
  /** Asked only when all that it needs is known. Pure. */
  readonly decide: (facts: Pick<FactValues, N>, surroundings: Surroundings) => Verdict;
}

/** Ties what a check needs to what it is given, which the list of all checks can't. */
export const check = <N extends FactName>(data: Check<N>): Check => data;

export const groupOf = ({ id }: Pick<Check, 'id'>): CheckGroup => id.slice(0, id.indexOf('.')) as CheckGroup;

const OK: Verdict = { is: 'ok' };

/** Failed for these reasons; ok where there are none. */
export const failedIf = (reasons: readonly string[], otherwise: Verdict = OK): Verdict =>
  reasons.length === 0 ? otherwise : { is: 'failed', reasons };

export const skipped = (why: string): Verdict => ({ is: 'skipped', why });
