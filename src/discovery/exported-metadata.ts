/**
 * The labels and annotations that a ServiceExport has its imports carry (`spec.exportedLabels`,
 * `spec.exportedAnnotations`). The MCS API takes any text there, but the API server of an importing cluster
 * does not: one bad entry would cost the whole import. So they pass here, on both sides of the broker.
 */
import { isLabelValue, isQualifiedName } from './qualified-name.ts';

export interface Usable {
  readonly kept: Readonly<Record<string, string>>;
  /** What is left out and why, for the condition of the export. */
  readonly problems: readonly string[];
}

/** They mean something to Kubernetes or Pharos; `app.kubernetes.io` is for users. */
const RESERVED = /(^|\.)(kubernetes\.io|k8s\.io|pharos\.io)$/;
const FOR_USERS = 'app.kubernetes.io';
/** Kubernetes takes 256 KiB of annotations an object; Pharos's own need some of it. */
const MAX_CHARACTERS = 64 * 1024;

export const usableLabels = (labels: Readonly<Record<string, string>> = {}): Usable =>
  usable('exportedLabels', labels, isLabelValue);

export const usableAnnotations = (annotations: Readonly<Record<string, string>> = {}): Usable =>
  usable('exportedAnnotations', annotations, () => true);

function usable(
  field: string,
  given: Readonly<Record<string, string>>,
  isValue: (value: string) => boolean,
): Usable {
  const entries = Object.entries(given);
  const characters = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (characters > MAX_CHARACTERS) {
    const problem = `${field} has ${characters} characters, must have at most ${MAX_CHARACTERS}: ignored`;
    return { kept: {}, problems: [problem] };
  }
  const problems: string[] = [];
  const kept = entries.filter(([key, value]) => {
    const problem = !isQualifiedName(key)
      ? 'is not a name that Kubernetes takes'
      : isReserved(key)
        ? 'is reserved'
        : isValue(value)
          ? undefined
          : 'has a value that Kubernetes does not take';
    if (problem !== undefined) problems.push(`${field}: "${key}" ${problem}: ignored`);
    return problem === undefined;
  });
  return { kept: Object.fromEntries(kept), problems };
}

function isReserved(key: string): boolean {
  const prefix = key.slice(0, Math.max(0, key.indexOf('/')));
  return prefix !== FOR_USERS && RESERVED.test(prefix);
}
