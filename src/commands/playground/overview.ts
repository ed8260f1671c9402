/** What the playground shows, as data, taken from its clusters. */
import { Kinds, keyOf } from '../../api/kinds.ts';
import { formatListenAddress } from '../../config/listen-address.ts';
import type { Claim, Conflict } from '../../discovery/aggregate.ts';
import { formatProblem, type ManifestProblem } from '../../store/directory-problem.ts';
import { type Answer, RRType } from '../../zone/records.ts';
import type { Zone } from '../../zone/zone.ts';
import type { PlaygroundCluster } from './cluster.ts';

export interface ClusterRow {
  readonly id: string;
  /** `127.0.0.1:5300`, or undefined where it does not answer. */
  readonly dns: string | undefined;
  readonly connected: boolean;
}

export interface ServiceRow {
  /** `namespace/name` */
  readonly key: string;
  readonly type: string;
  /** Exporting clusters, each with what keeps it out of answers: `east`, `west (no ready endpoint)`. */
  readonly exporters: readonly string[];
  readonly conflicts: readonly string[];
  /** What the clusters answer for the name: `10.1.2.3 in east, west`. */
  readonly answers: readonly string[];
}

export interface Overview {
  readonly clusters: readonly ClusterRow[];
  readonly services: readonly ServiceRow[];
  /** Exports that are not in force: `ServiceExport shop/web in west: NoService: …`. */
  readonly exports: readonly string[];
  /** Manifests to mend: `west/mysql.yaml:4: …`. */
  readonly problems: readonly string[];
}

/** @param origin the zone that answers are shown from, with its final dot */
export async function takeOverview(
  clusters: readonly PlaygroundCluster[],
  problems: readonly ManifestProblem[],
  origin: string,
): Promise<Overview> {
  const found = new Map<string, { type: string; exporters: Set<string>; conflicts: Set<string> }>();
  // Not every cluster need see every service, nor be connected: what one of them sees is shown.
  for (const { agent } of clusters) {
    for (const { namespace, name, type, clusters: exporters, conflicts } of agent.services()) {
      const key = `${namespace}/${name}`;
      const row = found.get(key) ?? { type, exporters: new Set(), conflicts: new Set() };
      found.set(key, row);
      for (const cluster of exporters) row.exporters.add(cluster);
      for (const conflict of conflicts) row.conflicts.add(conflictText(conflict));
    }
  }
  return {
    clusters: clusters.map(({ id, dns, isConnected }) => ({
      id,
      dns: dns && formatListenAddress(dns),
      connected: isConnected,
    })),
    services: [...found].sort(byKey).map(([key, { type, exporters, conflicts }]) => ({
      key,
      type,
      exporters: [...exporters].sort().map((id) => id + (hindrance(clusters, key, id) ?? '')),
      conflicts: [...conflicts],
      answers: answersFor(clusters, key, origin),
    })),
    exports: (await Promise.all(clusters.map(invalidExports))).flat(),
    problems: problems.map(formatProblem),
  };
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

function conflictText({ reason, field, kept, dropped }: Conflict): string {
  const claim = ({ value, clusters }: Claim): string => `${value} (${clusters.join(', ')})`;
  return `${reason}: ${field}: ${claim(kept)} counts, not ${dropped.map(claim).join(', ')}`;
}

/** Why the exporter's part is in no answer, as the exporter itself sees it. */
function hindrance(clusters: readonly PlaygroundCluster[], key: string, id: string): string | undefined {
  const exporter = clusters.find((cluster) => cluster.id === id);
  const service = [...(exporter?.zone.services() ?? [])].find(
    (view) => `${view.namespace}/${view.name}` === key,
  );
  const standing = service?.members.find((member) => member.id === id)?.standing;
  if (exporter?.isConnected === false) return ' (disconnected)';
  if (standing?.is === 'not-ready') return ' (no ready endpoint)';
  return standing?.is === 'drained' ? ' (weight 0)' : undefined;
}

function answersFor(clusters: readonly PlaygroundCluster[], key: string, origin: string): string[] {
  const [namespace = '', name = ''] = key.split('/');
  const labels = [name, namespace, 'svc', ...origin.split('.').filter((label) => label !== '')];
  const groups = new Map<string, string[]>(); // answer → clusters
  for (const { id, zone } of clusters) {
    const text = answerText(zone, labels);
    groups.set(text, [...(groups.get(text) ?? []), id]);
  }
  return [...groups].map(([text, ids]) => `${text} in ${ids.join(', ')}`);
}

function answerText(zone: Zone, labels: readonly string[]): string {
  const answers = [RRType.A, RRType.AAAA].map((type) => zone.answer({ labels, type }, { turn: 0 }));
  const addresses = answers.flatMap(addressesOf);
  if (addresses.length > MOST_ADDRESSES) {
    return `${addresses.slice(0, MOST_ADDRESSES).join(' ')} and ${addresses.length - MOST_ADDRESSES} more`;
  }
  if (addresses.length > 0) return addresses.join(' ');
  return answers[0]?.kind === 'nxdomain' ? 'no such name' : 'no address';
}

const MOST_ADDRESSES = 8;

const addressesOf = (answer: Answer): string[] =>
  answer.kind === 'records'
    ? answer.answer.flatMap((record) => ('address' in record ? record.address : []))
    : [];

async function invalidExports({ id, store }: PlaygroundCluster): Promise<string[]> {
  const exports = await store.list(Kinds.ServiceExport);
  return exports.flatMap((object) =>
    (object.status?.conditions ?? []).flatMap(({ type, status, reason, message }) =>
      type === 'Valid' && status === 'False'
        ? `ServiceExport ${keyOf(object)} in ${id}: ${reason}: ${message}`
        : [],
    ),
  );
}
