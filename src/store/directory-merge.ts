/** From the files of a directory to the objects of a cluster. Pure but for the allocated Service IPs. */
import { type Kind, Kinds, keyOf } from '../api/kinds.ts';
import { Label } from '../api/names.ts';
import type { KubeObject, Service } from '../api/objects.ts';
import type { Manifest, ManifestFile } from './directory-file.ts';
import type { ManifestProblem } from './directory-problem.ts';
import type { ServiceIps } from './directory-service-ip.ts';

export interface Placed {
  readonly kind: Kind;
  readonly object: KubeObject;
  /** The file that it is written in; for a namespace without a manifest, one that uses it. */
  readonly file: string;
}

export interface Merged {
  /** kind and key → object, in an order that depends on the files alone */
  readonly objects: ReadonlyMap<string, Placed>;
  /** What is wrong between files, or odd in one. */
  readonly warnings: readonly ManifestProblem[];
}

const placeOf = (kind: Kind, object: KubeObject): string => `${kind.kind} ${keyOf(object)}`;

/**
 * @param files path → its last good content. Of an object that is written twice the first by path, then by
 *   line, counts.
 */
export function mergeFiles(
  files: ReadonlyMap<string, Pick<ManifestFile, 'manifests'>>,
  serviceIps: ServiceIps,
): Merged {
  const objects = new Map<string, Placed>();
  const firsts = new Map<string, Manifest>(); // kind and key → where it is written first
  const warnings: ManifestProblem[] = [];
  const paths = [...files.keys()].sort();
  for (const manifest of paths.flatMap((path) => files.get(path)?.manifests ?? [])) {
    const { kind, object, file, line } = manifest;
    const at = line === undefined ? {} : { line };
    const place = placeOf(kind, object);
    const first = firsts.get(place);
    if (first !== undefined) {
      const where = first.line === undefined ? first.file : `${first.file}:${first.line}`;
      const reason = `${place} is in ${where} already, which counts; remove one of them`;
      warnings.push({ file, ...at, reason });
      continue;
    }
    firsts.set(place, manifest);
    objects.set(place, { kind, object, file });
    const oddity = oddityOf(object);
    if (oddity !== undefined) warnings.push({ file, ...at, reason: `${place} ${oddity}` });
  }
  for (const { object, file } of objects.values()) {
    const { namespace } = object.metadata;
    if (namespace === undefined) continue;
    const implied: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    const place = placeOf(Kinds.Namespace, implied);
    if (!objects.has(place)) objects.set(place, { kind: Kinds.Namespace, object: implied, file });
  }
  const services = [...objects].filter(([, { kind }]) => kind === Kinds.Service);
  const completed = serviceIps.complete(
    new Map(services.sort(byPlace).map(([place, { object }]) => [place, object as Service])),
  );
  for (const [place, placed] of services) objects.set(place, { ...placed, object: completed.get(place)! });
  return { objects, warnings };
}

const byPlace = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

function oddityOf({ kind, metadata: { labels = {} } }: KubeObject): string | undefined {
  if (kind !== 'EndpointSlice') return undefined;
  if (Object.hasOwn(labels, Label.ownServiceName) || Object.hasOwn(labels, Label.serviceName))
    return undefined;
  return `has no label ${Label.ownServiceName}, so it belongs to no Service; add it`;
}
