/** What a ServiceExport's owner is told: the conditions `Valid`, `Ready` and `Conflict` (mcs-api v1beta1). Pure. */
import type { Condition, ServiceExport } from '../api/objects.ts';
import type { Claim, Conflict } from './aggregate.ts';
import type { Exported } from './export.ts';

/** How far the export's records have come on their way to the broker. */
export type Publication =
  | { readonly is: 'published' }
  | { readonly is: 'pending'; readonly message: string }
  | { readonly is: 'out-of-sight'; readonly message: string }
  | { readonly is: 'failed'; readonly message: string };

type Told = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * The conditions for an export as it stands. A condition whose status is the same as before keeps its
 * transition time; conditions of others are not in the result.
 *
 * @param now RFC 3339
 */
export function exportConditions(
  serviceExport: ServiceExport,
  exported: Exclude<Exported, { is: 'not-exported' }>,
  publication: Publication,
  conflicts: readonly Conflict[],
  now: string,
): Condition[] {
  const told =
    exported.is === 'invalid'
      ? [{ type: 'Valid', status: 'False' as const, reason: exported.reason, message: exported.message }]
      : [
          { type: 'Valid', status: 'True' as const, reason: 'Valid', message: exported.message },
          readiness(publication),
          conflictCondition(conflicts),
        ];
  const before = serviceExport.status?.conditions ?? [];
  const { generation } = serviceExport.metadata;
  return told.map((condition): Condition => {
    const same = before.find(({ type }) => type === condition.type);
    return {
      ...condition,
      lastTransitionTime: same?.status === condition.status ? same.lastTransitionTime : now,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
}

/** Whether writing `wanted` would change anything. */
export function sameConditions(
  current: readonly Condition[] | undefined,
  wanted: readonly Condition[],
): boolean {
  const text = ({
    type,
    status,
    reason,
    message,
    lastTransitionTime,
    observedGeneration,
  }: Condition): string =>
    JSON.stringify([type, status, reason, message, lastTransitionTime, observedGeneration]);
  const ours = new Set(['Valid', 'Ready', 'Conflict']);
  const currentTexts = (current ?? []).filter(({ type }) => ours.has(type)).map(text);
  return currentTexts.sort().join() === wanted.map(text).sort().join();
}

function readiness(publication: Publication): Told {
  switch (publication.is) {
    case 'published':
      return {
        type: 'Ready',
        status: 'True',
        reason: 'Exported',
        message: 'The broker has the service; every member cluster can import it',
      };
    case 'pending':
      return { type: 'Ready', status: 'False', reason: 'Pending', message: publication.message };
    case 'out-of-sight':
      return { type: 'Ready', status: 'Unknown', reason: 'Pending', message: publication.message };
    case 'failed':
      return { type: 'Ready', status: 'False', reason: 'Failed', message: publication.message };
    default:
      return publication satisfies never;
  }
}

function conflictCondition(conflicts: readonly Conflict[]): Told {
  if (conflicts.length === 0) {
    return {
      type: 'Conflict',
      status: 'False',
      reason: 'NoConflicts',
      message: 'All exports of the service agree',
    };
  }
  return {
    type: 'Conflict',
    status: 'True',
    reason: [...new Set(conflicts.map(({ reason }) => reason))].join(','),
    message: conflicts.map(conflictText).join('; '),
  };
}

/** One conflict in a sentence: `port http: kept "http TCP 80" of west (the oldest export), dropped …`. */
export function conflictText({ field, kept, dropped }: Conflict): string {
  const losers = dropped.map(claimText).join(' and ');
  return `${field}: kept ${claimText(kept)}, the oldest export's; dropped ${losers}`;
}

const claimText = ({ value, clusters }: Claim): string => `"${value}" of ${clusters.join(', ')}`;
