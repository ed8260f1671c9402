/** What the exports of a service disagree on. */

/** Reasons of the condition `Conflict` (mcs-api, ServiceExportConditionConflict). */
export type ConflictReason =
  | 'TypeConflict'
  | 'PortConflict'
  | 'IPFamilyConflict'
  | 'SessionAffinityConflict'
  | 'SessionAffinityConfigConflict'
  | 'InternalTrafficPolicyConflict'
  | 'TrafficDistributionConflict'
  | 'LabelsConflict'
  | 'AnnotationsConflict';

/** One field that the exports disagree on: the same for every exporting cluster. */
export interface Conflict {
  readonly reason: ConflictReason;
  /** As users know it: `type`, `port http`. */
  readonly field: string;
  readonly kept: Claim;
  readonly dropped: readonly Claim[];
}

/** A value, as text, and the clusters that export it, sorted. */
export interface Claim {
  readonly value: string;
  readonly clusters: readonly string[];
}

/** `port http: kept "http TCP 80" of west (the oldest export), dropped "http TCP 8080" of east`. */
export function conflictText({ field, kept, dropped }: Conflict): string {
  return `${field}: kept ${claimText(kept)} (the oldest export), dropped ${dropped.map(claimText).join(' and ')}`;
}

const claimText = ({ value, clusters }: Claim): string => `"${value}" of ${clusters.join(', ')}`;

/** Order by code units: the same on every machine, whatever its locale. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
