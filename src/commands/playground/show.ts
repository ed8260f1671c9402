/** The playground's overview as text for a terminal. Pure. */
import { differences, newOnes } from '../../page/differences.ts';
import { formatTable } from '../print-table.ts';
import type { Overview, ServiceRow } from './overview.ts';

export interface Surroundings {
  /** With its final dot. */
  readonly origin: string;
  /** `http://127.0.0.1:8053/` */
  readonly url: string;
}

/** Everything: clusters, services, conflicts, what is to mend, and a line to copy. */
export function showAll(overview: Overview, { origin, url }: Surroundings): string {
  const { clusters, services, exports, problems } = overview;
  const parts = [
    clusters.length === 0
      ? 'No cluster is here: each folder in this one is a cluster, named after it.\n'
      : formatTable(
          ['CLUSTER', 'DNS SERVER', 'BROKER'],
          clusters.map(({ id, dns, connected }) => [
            id,
            dns ?? 'none',
            connected ? 'connected' : 'disconnected',
          ]),
        ),
    services.length === 0
      ? 'No service is exported. A ServiceExport with the name of a Service exports it.\n'
      : formatTable(
          ['SERVICE', 'TYPE', 'EXPORTED BY', 'CONFLICT'],
          services.map(({ key, type, exporters, conflicts }) => [
            key,
            type,
            exporters.join(', '),
            conflicts.map((conflict) => conflict.split(':', 1)[0]).join(', '),
          ]),
        ),
  ];
  const conflicts = services.flatMap((row) => row.conflicts.map((conflict) => `${row.key}: ${conflict}`));
  if (conflicts.length > 0) parts.push(list('Conflicts, where the oldest export counts:', conflicts));
  if (exports.length > 0) parts.push(list('Exports that are not in force:', exports));
  if (problems.length > 0) parts.push(list('Manifests to mend:', problems));
  const example = services[0]?.key ?? 'NAMESPACE/SERVICE';
  const [address, port] = splitPort(clusters.find(({ dns }) => dns !== undefined)?.dns);
  const [namespace, name] = example.split('/');
  const question = `${name}.${namespace}.svc.${origin.replace(/\.$/, '')}`;
  parts.push(`Ask:   dig @${address} -p ${port} +noall +answer ${question}\nList:  curl ${url}\n`);
  return parts.join('\n');
}

/** What differs, in a line each; empty where nothing does. */
export function showChanges(before: Overview, after: Overview): string[] {
  const lines: string[] = [];
  for (const [id, was, is] of differences(before.clusters, after.clusters, ({ id }) => id)) {
    if (is === undefined) lines.push(`cluster ${id} left`);
    else if (was === undefined) lines.push(`cluster ${id} joined, DNS server ${is.dns ?? 'none'}`);
    else lines.push(`cluster ${id} is ${is.connected ? 'connected' : 'disconnected'}`);
  }
  for (const [key, was, is] of differences(before.services, after.services, ({ key }) => key)) {
    lines.push(...serviceChanges(key, was, is));
  }
  lines.push(...newOnes(before.exports, after.exports));
  lines.push(...newOnes(before.problems, after.problems).map((problem) => `mend ${problem}`));
  lines.push(...newOnes(after.problems, before.problems).map((problem) => `mended ${problem}`));
  return lines;
}

function serviceChanges(key: string, was: ServiceRow | undefined, is: ServiceRow | undefined): string[] {
  if (is === undefined) return [`${key} is not exported any more`];
  const lines: string[] = [];
  if (was?.type !== is.type || was.exporters.join() !== is.exporters.join()) {
    lines.push(`${key} (${is.type}) is exported by ${is.exporters.join(', ')}`);
  }
  if (was?.answers.join() !== is.answers.join()) lines.push(`${key} answers ${is.answers.join('; ')}`);
  lines.push(...newOnes(was?.conflicts ?? [], is.conflicts).map((conflict) => `${key} has a ${conflict}`));
  const subjects = new Set(is.conflicts.map(subjectOf));
  const gone = (was?.conflicts ?? []).map(subjectOf).filter((subject) => !subjects.has(subject));
  lines.push(...gone.map((subject) => `${key} no longer has a ${subject}`));
  return lines;
}

/** `PortConflict: port http` of a conflict, whoever is on its sides. */
const subjectOf = (conflict: string): string => conflict.split(':', 2).join(':');

const list = (title: string, lines: readonly string[]): string =>
  `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;

function splitPort(listen: string | undefined): [address: string, port: string] {
  const [, address = '127.0.0.1', port = '5300'] = /^\[?(.*?)\]?:(\d+)$/.exec(listen ?? '') ?? [];
  return [address, port];
}
