import type { CheckGroup } from '../config/check-groups.ts';
import { type Check, groupOf, type Surroundings, type Verdict } from './check.ts';
import type { FactSource } from './fact-source.ts';
import type { FactName, FactValues } from './facts.ts';

/** One line of a diagnosis. */
export interface Finding {
  readonly check: Check;
  readonly verdict: Verdict;
}

/** Which checks to run; absent fields do not restrict. */
export interface Selection {
  readonly groups: readonly CheckGroup[];
  readonly only: readonly string[];
  readonly skip: readonly string[];
}

export const selectChecks = (checks: readonly Check[], { groups, only, skip }: Selection): Check[] =>
  checks.filter(
    (each) =>
      (groups.length === 0 || groups.includes(groupOf(each))) &&
      (only.length === 0 || only.includes(each.id)) &&
      !skip.includes(each.id),
  );

/** All of them at once, in the order of the list. None waits for another, and none harms another. */
export const runChecks = (
  checks: readonly Check[],
  source: FactSource,
  surroundings: Surroundings,
): Promise<Finding[]> =>
  Promise.all(
    checks.map(async (each) => ({ check: each, verdict: await verdictOf(each, source, surroundings) })),
  );

async function verdictOf(each: Check, source: FactSource, surroundings: Surroundings): Promise<Verdict> {
  const facts: Partial<Record<FactName, unknown>> = {};
  let lacking: Verdict | undefined;
  for (const [name, gathered] of await Promise.all(
    each.needs.map(async (need) => [need, await source.get(need)] as const),
  )) {
    if (gathered.is === 'known') facts[name] = gathered.value;
    // What is not here says more than what can't be found out.
    else if (lacking?.is !== 'skipped') lacking = gathered;
  }
  return lacking ?? each.decide(facts as FactValues, surroundings);
}
