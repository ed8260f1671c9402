import { isDnsLabel } from '../api/identity.ts';
import { Annotation } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';

/** What an exporter may say about its export by annotation, read from a ServiceExport or from its record. */
export interface ExportSettings {
  /** 0 to 1000; 0 = never chosen. */
  readonly weight: number;
  /** Absent: as the asking cluster's DNS server does by default. */
  readonly policy?: 'local' | 'weighted' | 'all';
  /** The only clusters that see the service; absent: all. */
  readonly toClusters?: readonly string[];
}

const MAX_WEIGHT = 1000;

/** Values that make no sense do not count; `problems` says which, for a condition or a log. */
export function readSettings(object: KubeObject): { settings: ExportSettings; problems: string[] } {
  const annotations = object.metadata.annotations ?? {};
  const problems: string[] = [];
  const problem = (annotation: string, wanted: string, outcome = 'ignored'): void => {
    problems.push(`annotation ${annotation} is "${annotations[annotation]}", must be ${wanted}: ${outcome}`);
  };

  let weight = 1;
  const weightText = annotations[Annotation.weight];
  if (weightText !== undefined) {
    if (/^\d{1,4}$/.test(weightText) && Number(weightText) <= MAX_WEIGHT) weight = Number(weightText);
    else problem(Annotation.weight, `an integer from 0 to ${MAX_WEIGHT}`);
  }

  const policy = annotations[Annotation.policy];
  const known = policy === 'local' || policy === 'weighted' || policy === 'all';
  if (policy !== undefined && !known) problem(Annotation.policy, 'local, weighted or all');

  const clusters = annotations[Annotation.toClusters]?.split(',').map((id) => id.trim());
  // Who names clusters wants to hide from the others: a broken list must not publish the service to all.
  const toClusters = clusters?.filter(isDnsLabel);
  if (clusters !== undefined && toClusters?.length !== clusters.length) {
    problem(Annotation.toClusters, 'a comma-separated list of cluster ids', 'what is none counts as nobody');
  }
  return {
    settings: { weight, ...(known ? { policy } : {}), ...(toClusters === undefined ? {} : { toClusters }) },
    problems,
  };
}
