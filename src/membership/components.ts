/** What runs in a member, as the chart "pharos" renders it: chosen, made this cluster's, and waited for. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ConfigMap, DaemonSet, Deployment } from '../api/administration.ts';
import type { ClusterId } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import type { KubeObject, Service } from '../api/objects.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Manifest } from './manifest.ts';
import { OURS } from './manifest.ts';
import { type Patience, untilNothingWaits } from './patience.ts';
import { Refusal } from './refusal.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/manifests');

const kindOf = new Map<string, (typeof Kinds)[keyof typeof Kinds]>(
  Object.values(Kinds).map((kind) => [`${kind.apiVersion}/${kind.kind}`, kind]),
);

export interface ComponentSettings {
  readonly cluster: ClusterId;
  /** With its tag; undefined = the one of this version. */
  readonly image: string | undefined;
  /** Of gateways and route agents, likewise. */
  readonly hostImage?: string | undefined;
  /** Variables of the processes' flags beside the cluster's id, such as `PHAROS_POD_CIDR`. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * `member`: the agent and the DNS server, the chart with its default values. `host`: gateways and route agents.
 */
export type Part = 'member' | 'host';

/** The chart "pharos" as it is rendered into deploy/manifests. */
export async function shippedComponents(...parts: readonly [Part, ...Part[]]): Promise<Manifest[]> {
  return (await Promise.all(parts.map(shippedPart))).flat();
}

async function shippedPart(part: Part): Promise<Manifest[]> {
  const file = join(FOLDER, `${part}.yaml`);
  return parseAllDocuments(await readFile(file, 'utf8')).flatMap((document) => {
    const object = document.toJS() as KubeObject | null;
    if (object === null) return [];
    const kind = kindOf.get(`${object.apiVersion}/${object.kind}`);
    if (kind === undefined)
      throw new Error(`${file}: ${object.apiVersion} ${object.kind} is of no known kind`);
    return [{ kind, object }];
  });
}

/** The shipped components as this cluster is to have them. Pure. */
export function componentsFor(shipped: readonly Manifest[], settings: ComponentSettings): Manifest[] {
  return shipped
    .map(({ kind, object }) => ({
      kind,
      object: { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...OURS } } },
    }))
    .map(({ kind, object }) => ({ kind, object: withSettings(object, settings) }));
}

/** The chart's annotation: pods are made anew when what they read at start is another. */
const CHECKSUM = 'checksum/config';

function withSettings(object: KubeObject, settings: ComponentSettings): KubeObject {
  const data = { PHAROS_CLUSTER_ID: settings.cluster, ...settings.variables };
  if (object.kind === 'ConfigMap') return { ...object, data } as ConfigMap;
  if (!isWorkload(object)) return object;
  const { spec, metadata } = object.spec.template;
  const image = object.kind === 'DaemonSet' ? settings.hostImage : settings.image;
  const containers = spec.containers.map((container) =>
    image === undefined ? container : { ...container, image },
  );
  const checksum = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 16);
  const annotations = { ...metadata?.annotations, [CHECKSUM]: checksum };
  const template = { metadata: { ...metadata, annotations }, spec: { ...spec, containers } };
  const own = { ...object, spec: { ...object.spec, template } };
  return own;
}

const isWorkload = (object: KubeObject): object is Deployment | DaemonSet =>
  object.kind === 'Deployment' || object.kind === 'DaemonSet';

/** What a workload still waits for, in a few words; undefined where all of it runs as it should. */
export function waitsFor(workload: Deployment | DaemonSet): string | undefined {
  if (workload.kind === 'DaemonSet') {
    const {
      desiredNumberScheduled = 0,
      updatedNumberScheduled = 0,
      numberAvailable = 0,
    } = workload.status ?? {};
    const isSeen = workload.status?.observedGeneration === workload.metadata.generation;
    const ready = Math.min(updatedNumberScheduled, numberAvailable);
    return isSeen && ready >= desiredNumberScheduled
      ? undefined
      : `${ready} of ${desiredNumberScheduled} ready`;
  }
  const { replicas: wanted = 1 } = workload.spec;
  const {
    observedGeneration,
    updatedReplicas = 0,
    availableReplicas = 0,
    replicas = 0,
  } = workload.status ?? {};
  const isSeen = observedGeneration === workload.metadata.generation;
  const ready = Math.min(updatedReplicas, availableReplicas);
  return isSeen && ready >= wanted && replicas === updatedReplicas
    ? undefined
    : `${ready} of ${wanted} ready`;
}

/**
 * Resolves when every workload among the objects runs as it should.
 *
 * @throws Refusal `not-ready` after `timeoutMs`, with what was still waited for
 */
export const untilRunning = (
  member: ObjectStore,
  objects: readonly Manifest[],
  patience: Patience,
): Promise<void> =>
  untilNothingWaits(
    patience,
    'waiting for ',
    async () => {
      const waiting: string[] = [];
      for (const { kind, object } of objects) {
        if (kind !== Kinds.Deployment && kind !== Kinds.DaemonSet) continue;
        const present = (await member.get(kind, object.metadata)) as Deployment | DaemonSet | undefined;
        const reason = present === undefined ? 'it is gone' : waitsFor(present);
        if (reason !== undefined) waiting.push(`${object.kind} ${object.metadata.name}: ${reason}`);
      }
      return waiting;
    },
    (line, seconds) =>
      new Refusal(
        'not-ready',
        `${member.location}: not ready after ${seconds} s: ${line}; look at ` +
          '"kubectl -n pharos-system describe pods" for the reason, then run the command again: it goes on where it is',
      ),
  );

/** The addresses at which `pharos dns` is reached in the member, IPv4 first. */
export async function dnsAddresses(member: ObjectStore): Promise<string[]> {
  const service: Service | undefined = await member.get(Kinds.Service, {
    name: 'pharos-dns',
    namespace: 'pharos-system',
  });
  return (service?.spec.clusterIPs ?? []).toSorted(
    (a, b) => Number(a.includes(':')) - Number(b.includes(':')),
  );
}
