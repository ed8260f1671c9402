/** What a ServiceExport's owner is told: the conditions `Valid`, `Ready` and `Conflict` (mcs-api v1beta1). Pure. */
import type { Condition, ServiceExport } from '../api/objects.ts';
import { type Conflict, conflictText } from './conflict.ts';
import type { Exported } from './export.ts';

/** How far the export's records have come on their way to the broker. */
export type Publication =
  | { readonly is: 'published' }
  /** The broker has not been seen since the agent's start: what holds there held before, as far as is known. */
  | { readonly is: 'unknown'; readonly message: string }
  | { readonly is: 'pending'; readonly message: string }
  | { readonly is: 'out-of-sight'; readonly message: string }
  | { readonly is: 'failed'; readonly message: string };

type Told = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** What there is to tell about an export. */
export interface Findings {
  readonly exported: Exclude<Exported, { is: 'not-exported' }>;
  readonly publication: Publication;
  /** `unknown` before the broker's records have been seen. */
  readonly conflicts: readonly Conflict[] | 'unknown';
}

/** The CRD takes 32,768 characters; nobody reads so many. */
const MAX_MESSAGE = 4000;

/**
 * The conditions for an export as it stands. A condition whose status is the same as before keeps its
 * transition time, and one that nothing is known about yet stays what it was; conditions of others are not
 * in the result.
 *
 * @param now RFC 3339
 */
export function exportConditions(serviceExport: ServiceExport, findings: Findings, now: string): Condition[] {
  const before = new Map(serviceExport.status?.conditions?.map((condition) => [condition.type, condition]));
  const { generation } = serviceExport.metadata;
  const tell = (told: Told): Condition => {
    const same = before.get(told.type);
    return {
      ...told,
      message: shortened(told.message),
      lastTransitionTime: same?.status === told.status ? same.lastTransitionTime : now,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  };
  const { exported, publication, conflicts } = findings;
  if (exported.is === 'invalid') {
    return [tell({ type: 'Valid', status: 'False', reason: exported.reason, message: exported.message })];
  }
  const [ready, conflict] = [before.get('Ready'), before.get('Conflict')];
  return [
    tell({ type: 'Valid', status: 'True', reason: 'Valid', message: exported.message }),
    publication.is === 'unknown' && ready?.status === 'True' ? ready : tell(readiness(publication)),
    ...(conflicts !== 'unknown' ? [tell(conflictCondition(conflicts))] : conflict ? [conflict] : []),
  ];
}

/** Whether writing `wanted` would change anything. */
export function sameConditions(
  current: readonly Condition[] | undefined,
  wanted: readonly Condition[],
): boolean {
  const text = (condition: Condition): string => {
    const { type, status, reason, message, lastTransitionTime, observedGeneration } = condition;
    return JSON.stringify([type, status, reason, message, lastTransitionTime, observedGeneration]);
  };
  const ours = new Set(['Valid', 'Ready', 'Conflict']);
  const texts = (conditions: readonly Condition[]): string => conditions.map(text).sort().join();
  return texts((current ?? []).filter(({ type }) => ours.has(type))) === texts(wanted);
}

function readiness(publication: Publication): Told {
  switch (publication.is) {
    case 'published':
      return {
        type: 'Ready',
        status: 'True',
        reason: 'Exported',
        message: 'The broker has the service',
      };
    case 'pending':
      return { type: 'Ready', status: 'False', reason: 'Pending', message: publication.message };
    case 'unknown':
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
    const message = 'All exports of the service agree';
    return { type: 'Conflict', status: 'False', reason: 'NoConflicts', message };
  }
  return {
    type: 'Conflict',
    status: 'True',
    reason: [...new Set(conflicts.map(({ reason }) => reason))].join(','),
    message: conflicts.map(conflictText).join('; '),
  };
}

/** Cut between characters: half of one would come back from the server as another. */
const shortened = (message: string): string =>
  message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE).toWellFormed()}…`;
