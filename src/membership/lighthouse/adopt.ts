/** Makes Lighthouse's objects Pharos's, while both would answer the same. */
import { Kinds } from '../../api/kinds.ts';
import { Annotation, Label } from '../../api/names.ts';
import type { ObjectStore } from '../../store/store.ts';
import { OURS } from '../manifest.ts';
import { type Patience, untilNothingWaits } from '../patience.ts';
import { Refusal } from '../refusal.ts';
import type { LighthouseFacts } from './facts.ts';

/**
 * Marks the imports as Pharos's, waits until the agent keeps them, and then removes Lighthouse's EndpointSlices:
 * at no time is a service without any. Repeatable.
 *
 * @throws Refusal `not-ready` where the agent does not; nothing of Lighthouse's is removed then
 */
export async function adopt(
  member: ObjectStore,
  { imports, slices }: LighthouseFacts,
  patience: Patience,
): Promise<void> {
  const kind = Kinds.ServiceImport;
  for (const { namespace, name, type } of imports) {
    const present = await member.get(kind, { namespace, name });
    if (present === undefined) continue;
    const { apiVersion } = kind;
    const metadata = { name, namespace, labels: { ...OURS } };
    await member.apply(kind, {
      apiVersion,
      kind: 'ServiceImport',
      metadata,
      spec: { ...present.spec, type },
    });
  }
  await untilNothingWaits(
    patience,
    'waiting for the agent to take over ServiceImport ',
    async () => {
      const waiting: string[] = [];
      for (const { namespace, name } of imports) {
        const present = await member.get(kind, { namespace, name });
        if (present?.metadata.annotations?.[Annotation.exports] === undefined)
          waiting.push(`${namespace}/${name}`);
      }
      return waiting;
    },
    (line, seconds) =>
      new Refusal(
        'not-ready',
        `${member.location}: the agent does not keep ServiceImport ${line} after ${seconds} s: ` +
          'look at its log ("kubectl -n pharos-system logs deployment/pharos-agent"), then run the command again',
      ),
  );
  for (const each of slices) {
    const [namespace = '', name = ''] = each.split('/');
    await member.remove(Kinds.EndpointSlice, { namespace, name });
  }
}

/** Who exports what, by the records on the broker: `namespace/name` → cluster ids. */
export async function readRecords(
  broker: ObjectStore,
  namespace: string,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const records = new Map<string, Set<string>>();
  for (const { metadata } of await broker.list(Kinds.ServiceImport, { namespace })) {
    const { labels = {} } = metadata;
    const service = `${labels[Label.sourceNamespace] ?? ''}/${labels[Label.serviceName] ?? ''}`;
    const clusters = records.get(service) ?? new Set<string>();
    clusters.add(labels[Label.sourceCluster] ?? '');
    records.set(service, clusters);
  }
  return records;
}
