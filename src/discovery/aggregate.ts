/**
 * The clusterset's view of a service: what all records of it make together (KEP-1645, "Constraints and
 * Conflict Resolution"). Every member computes it from the same records with this function, so all come
 * to the same view without a word to each other.
 */
import type { ServiceImport } from '../api/objects.ts';
import { byText, type Conflict, type ConflictReason } from './conflict.ts';
// Part of a view's type.
export type { Claim, Conflict } from './conflict.ts';
import { mergePorts } from './merge-ports.ts';
import type { ExportRecord } from './record.ts';

export interface View {
  /** The clusters whose exports are merged, the oldest export first. */
  readonly merged: readonly ExportRecord[];
  /** Without `ips`, which each member gives out for itself. */
  readonly spec: Omit<ServiceImport['spec'], 'ips'>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly policy: ExportRecord['policy'];
  readonly conflicts: readonly Conflict[];
}

/** A field that the oldest export alone decides, as text: equal texts are equal values. */
interface OldestWins {
  readonly reason: ConflictReason;
  readonly field: string;
  readonly textOf: (record: ExportRecord) => string;
}

/** Who differs in this one is not merged in at all: a headless service is another thing under the same name. */
const TYPE: OldestWins = { reason: 'TypeConflict', field: 'type', textOf: ({ type }) => type };

/** In the order in which their conflicts are told. */
const OLDEST_WINS: readonly OldestWins[] = [
  {
    reason: 'IPFamilyConflict',
    field: 'ipFamilies',
    textOf: ({ ipFamilies }) => ipFamilies.toSorted(byText).join(', ') || 'none',
  },
  {
    reason: 'SessionAffinityConflict',
    field: 'sessionAffinity',
    textOf: ({ sessionAffinity }) => sessionAffinity,
  },
  {
    reason: 'SessionAffinityConfigConflict',
    field: 'sessionAffinityConfig',
    textOf: ({ sessionAffinityConfig }) => canonical(sessionAffinityConfig),
  },
  {
    reason: 'InternalTrafficPolicyConflict',
    field: 'internalTrafficPolicy',
    // Kubernetes' default, which records of older exporters do not spell out.
    textOf: ({ internalTrafficPolicy }) => internalTrafficPolicy ?? 'Cluster',
  },
  {
    reason: 'TrafficDistributionConflict',
    field: 'trafficDistribution',
    textOf: ({ trafficDistribution }) => trafficDistribution ?? 'none',
  },
  {
    reason: 'LabelsConflict',
    field: 'exportedLabels',
    textOf: ({ exportedLabels }) => canonical(exportedLabels),
  },
  {
    reason: 'AnnotationsConflict',
    field: 'exportedAnnotations',
    textOf: ({ exportedAnnotations }) => canonical(exportedAnnotations),
  },
];

/** @returns undefined where nobody exports the service. The order of `records`, and repetitions, do not matter. */
export function aggregate(records: readonly ExportRecord[]): View | undefined {
  const exports = onePerCluster(records.toSorted(byAge));
  const [oldest] = exports;
  if (oldest === undefined) return undefined;
  const merged = exports.filter(({ type }) => type === oldest.type);
  const { ports, conflicts: portConflicts } = mergePorts(merged);
  const { sessionAffinityConfig, internalTrafficPolicy, trafficDistribution } = oldest;
  return {
    merged,
    spec: {
      type: oldest.type,
      ports,
      ipFamilies: [...oldest.ipFamilies],
      sessionAffinity: oldest.sessionAffinity,
      ...(sessionAffinityConfig !== undefined && { sessionAffinityConfig }),
      ...(internalTrafficPolicy !== undefined && { internalTrafficPolicy }),
      ...(trafficDistribution !== undefined && { trafficDistribution }),
    },
    labels: oldest.exportedLabels,
    annotations: oldest.exportedAnnotations,
    policy: oldest.policy,
    conflicts: [
      ...disagreement(exports, TYPE),
      ...portConflicts,
      ...OLDEST_WINS.flatMap((field) => disagreement(merged, field)),
    ],
  };
}

/** The oldest export first; exports of one moment by cluster id; what a cluster says twice by what it says. */
function byAge(a: ExportRecord, b: ExportRecord): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return byText(a.cluster, b.cluster) || byText(canonical(a), canonical(b));
}

function onePerCluster(exports: readonly ExportRecord[]): ExportRecord[] {
  const seen = new Set<string>();
  return exports.filter(({ cluster }) => seen.size !== seen.add(cluster).size);
}

/** The conflict over a field, if there is one. */
function disagreement(
  exports: readonly ExportRecord[],
  { reason, field, textOf }: OldestWins,
): readonly Conflict[] {
  const claims = new Map<string, string[]>(); // value → clusters, the oldest export's first
  for (const record of exports) {
    const value = textOf(record);
    const clusters = claims.get(value);
    if (clusters === undefined) claims.set(value, [record.cluster]);
    else clusters.push(record.cluster);
  }
  const [kept, ...dropped] = [...claims].map(([value, clusters]) => ({
    value,
    clusters: clusters.sort(byText),
  }));
  return kept === undefined || dropped.length === 0 ? [] : [{ reason, field, kept, dropped }];
}

/** Equal values give equal text, whatever the order of their keys. */
function canonical(value: unknown): string {
  if (value === undefined) return 'none';
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => byText(a, b)))
      : inner,
  );
}
