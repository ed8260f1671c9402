/**
 * Which clusters are drained: taken out of all answers by an administrator. It stands in one ConfigMap on the
 * broker, which members can read and not write, and is copied by each agent into its own cluster, where DNS
 * servers and route agents look. Pure.
 */
import type { ConfigMap } from './administration.ts';
import { isDnsLabel } from './identity.ts';
import { Kinds } from './kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from './names.ts';

/** The ConfigMap: on the broker in the broker namespace, in a member in `pharos-system`. */
export const DRAINED_NAME = 'pharos-drained';
export const DRAINED_REF = { name: DRAINED_NAME, namespace: SYSTEM_NAMESPACE } as const;

export interface Drain {
  /** Who did it, in words. */
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  readonly why?: string;
}

/** cluster → its drain */
export type Drained = ReadonlyMap<string, Drain>;

/** Somebody's words travel in DNS answers. */
const MAX_WORDS = 100;

/** What makes no sense is left out; that a cluster is named counts even where nothing else does. */
export function parseDrained(object: ConfigMap | undefined): Drained {
  const drained = new Map<string, Drain>();
  for (const [cluster, text] of Object.entries(object?.data ?? {})) {
    if (isDnsLabel(cluster)) drained.set(cluster, parseDrain(text));
  }
  return drained;
}

export const drainedManifest = (namespace: string, drained: Drained): ConfigMap => ({
  apiVersion: Kinds.ConfigMap.apiVersion,
  kind: 'ConfigMap',
  metadata: { name: DRAINED_NAME, namespace, labels: { [Label.importManagedBy]: MANAGED_BY } },
  data: Object.fromEntries([...drained].map(([cluster, drain]) => [cluster, JSON.stringify(drain)])),
});

/** `drained by alice at 2026-11-24T10:00:00Z: new kernel` */
export const drainText = ({ by, at, why }: Drain): string =>
  `drained by ${by} at ${at}${why === undefined ? '' : `: ${why}`}`;

function parseDrain(text: string): Drain {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Written by hand.
  }
  const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const word = (field: string): string | undefined => {
    const words = given[field];
    return typeof words === 'string' && words !== '' ? words.slice(0, MAX_WORDS) : undefined;
  };
  const why = word('why');
  return {
    by: word('by') ?? 'somebody',
    at: word('at') ?? 'an unknown time',
    ...(why !== undefined && { why }),
  };
}
