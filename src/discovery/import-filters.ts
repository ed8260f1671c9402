/** What an operator lets into his cluster (`--import-from`, `--import-namespaces`, `--deny-namespaces`). Pure. */
import type { Refused } from './reading.ts';
import type { RecordOwner } from './record-name.ts';

export interface ImportFilters {
  /** The only clusters to import from; empty = from all. */
  readonly from: readonly string[];
  /** The only namespaces to import into; empty = into all. */
  readonly namespaces: readonly string[];
  /** Namespaces that nobody else may put a service into. */
  readonly denied: readonly string[];
}

export const NO_FILTERS: ImportFilters = { from: [], namespaces: [], denied: [] };

/** Why a record of another cluster is not imported; undefined where it is. */
export function filtered(
  { from, namespaces, denied }: ImportFilters,
  { cluster, namespace }: RecordOwner,
): Refused | undefined {
  if (denied.includes(namespace)) {
    return { refusal: 'deny-namespaces', why: `namespace ${namespace} is among --deny-namespaces` };
  }
  if (namespaces.length > 0 && !namespaces.includes(namespace)) {
    return { refusal: 'import-namespaces', why: `namespace ${namespace} is not among --import-namespaces` };
  }
  if (from.length > 0 && !from.includes(cluster)) {
    return { refusal: 'import-from', why: `cluster ${cluster} is not among --import-from` };
  }
  return undefined;
}
