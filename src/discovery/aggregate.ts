/**
 * The clusterset's view of a service: what all records of it make together (KEP-1645, "Constraints and
 * Conflict Resolution"). Every member computes it from the same records with this function, so all come
 * to the same view without a word to each other.
 */
import type { IpFamily, ServiceImport, ServicePort } from '../api/objects.ts';
import type { ExportRecord } from './record.ts';

/** Reasons of the condition `Conflict` (mcs-api, ServiceExportConditionConflict), in the order they are told. */
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

/** One field that the exports disagree on. */
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

export interface View {
  /** The clusters whose exports are merged, the oldest export first. */
  readonly merged: readonly ExportRecord[];
  /** Without `ips`, which each member gives out for itself. */
  readonly spec: Omit<ServiceImport['spec'], 'ips'>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly policy: ExportRecord['policy'];
  /** The same for every exporting cluster. */
  readonly conflicts: readonly Conflict[];
}

/** @returns undefined where nobody exports the service. The order of `records` does not matter. */
export function aggregate(records: readonly ExportRecord[]): View | undefined {
  const exports = [...records].sort(byAge);
  const [oldest] = exports;
  if (oldest === undefined) return undefined;
  // Who is headless among others who are not is something else under the same name: not merged at all.
  const merged = exports.filter(({ type }) => type === oldest.type);
  const { ports, conflicts: portConflicts } = mergePorts(merged);
  return {
    merged,
    spec: {
      type: oldest.type,
      ports,
      ipFamilies: [...oldest.ipFamilies],
      sessionAffinity: oldest.sessionAffinity,
      ...given('sessionAffinityConfig', oldest.sessionAffinityConfig),
      ...given('internalTrafficPolicy', oldest.internalTrafficPolicy),
      ...given('trafficDistribution', oldest.trafficDistribution),
    },
    labels: oldest.exportedLabels,
    annotations: oldest.exportedAnnotations,
    policy: oldest.policy,
    conflicts: [
      ...disagreement(exports, 'TypeConflict', 'type', ({ type }) => type),
      ...portConflicts,
      ...OLDEST_WINS.flatMap(([reason, field, value]) => disagreement(merged, reason, field, value)),
    ],
  };
}

/** The fields that the oldest export alone decides. */
const OLDEST_WINS: readonly (readonly [ConflictReason, string, (record: ExportRecord) => string])[] = [
  ['IPFamilyConflict', 'ipFamilies', ({ ipFamilies }) => familiesText(ipFamilies)],
  ['SessionAffinityConflict', 'sessionAffinity', ({ sessionAffinity }) => sessionAffinity],
  [
    'SessionAffinityConfigConflict',
    'sessionAffinityConfig',
    ({ sessionAffinityConfig }) => canonical(sessionAffinityConfig),
  ],
  [
    'InternalTrafficPolicyConflict',
    'internalTrafficPolicy',
    ({ internalTrafficPolicy }) => internalTrafficPolicy ?? 'Cluster',
  ],
  [
    'TrafficDistributionConflict',
    'trafficDistribution',
    ({ trafficDistribution }) => trafficDistribution ?? 'none',
  ],
  ['LabelsConflict', 'exportedLabels', ({ exportedLabels }) => canonical(exportedLabels)],
  ['AnnotationsConflict', 'exportedAnnotations', ({ exportedAnnotations }) => canonical(exportedAnnotations)],
];

/** The oldest export first; exports of one moment by cluster id. */
export function byAge(a: ExportRecord, b: ExportRecord): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return compare(a.cluster, b.cluster);
}

/**
 * The union of the ports by (name, protocol, port, appProtocol). A name, or a number with its protocol, can
 * stand for one port only: where it is claimed differently the oldest export's claim is kept.
 */
function mergePorts(exports: readonly ExportRecord[]): { ports: ServicePort[]; conflicts: Conflict[] } {
  const ports: ServicePort[] = [];
  const dropped = new Map<ServicePort, Map<string, Set<string>>>(); // kept → dropped port as text → clusters
  for (const { cluster, ports: claimed } of exports) {
    for (const port of claimed) {
      const rival = ports.find((kept) => collide(kept, port));
      if (rival === undefined) {
        if (!ports.some((kept) => portText(kept) === portText(port))) ports.push(port);
        continue;
      }
      const losers = dropped.get(rival) ?? new Map<string, Set<string>>();
      dropped.set(rival, losers);
      const clusters = losers.get(portText(port)) ?? new Set();
      losers.set(portText(port), clusters.add(cluster));
    }
  }
  const conflicts = [...dropped].map(([kept, losers]): Conflict => {
    const keepers = exports.filter((record) =>
      record.ports.some((port) => portText(port) === portText(kept)),
    );
    return {
      reason: 'PortConflict',
      field: `port ${kept.name ?? kept.port}`,
      kept: { value: portText(kept), clusters: keepers.map(({ cluster }) => cluster).sort(compare) },
      dropped: [...losers].map(([value, clusters]) => ({ value, clusters: [...clusters].sort(compare) })),
    };
  });
  return { ports, conflicts };
}

/** Different ports that cannot both be in one service. */
function collide(a: ServicePort, b: ServicePort): boolean {
  if (portText(a) === portText(b)) return false;
  const sameNumber = a.port === b.port && a.protocol === b.protocol;
  return sameNumber || (a.name ?? '') === (b.name ?? '');
}

const portText = ({ name, protocol = 'TCP', port, appProtocol }: ServicePort): string =>
  [name, `${protocol} ${port}`, appProtocol].filter((part) => part !== undefined).join(' ');

/** The conflict over a field where the oldest export wins, if there is one. */
function disagreement(
  exports: readonly ExportRecord[],
  reason: ConflictReason,
  field: string,
  valueOf: (record: ExportRecord) => string,
): Conflict[] {
  const claims = new Map<string, string[]>(); // value → clusters, the winner's first
  for (const record of exports) {
    const value = valueOf(record);
    claims.set(value, [...(claims.get(value) ?? []), record.cluster]);
  }
  const [kept, ...dropped] = [...claims].map(([value, clusters]) => ({
    value,
    clusters: clusters.sort(compare),
  }));
  return kept === undefined || dropped.length === 0 ? [] : [{ reason, field, kept, dropped }];
}

const familiesText = (families: readonly IpFamily[]): string => [...families].sort().join('+') || 'none';

/** Equal values give equal text, whatever the order of their keys. */
function canonical(value: unknown): string {
  if (value === undefined) return 'none';
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => compare(a, b)))
      : inner,
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const given = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
