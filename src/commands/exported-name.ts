import { UserError } from './user-error.ts';

/** The Service's name, of `NAME` or `service NAME`. @throws UserError where two names are given otherwise */
export function exportedName(first: string, second: string | undefined): string {
  if (second === undefined) return first;
  if (first === 'service') return second;
  throw new UserError(`one name at a time: "${first}" and "${second}" are two`);
}
