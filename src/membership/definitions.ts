import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { CustomResourceDefinition } from '../api/administration.ts';
import type { Kind } from '../api/kinds.ts';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';
import { OURS, isOurs } from './manifest.ts';
import { Refusal } from './refusal.ts';

/** The definitions that are shipped with Pharos: the MCS API's, and its own. */
export interface Definitions {
  readonly serviceExport: CustomResourceDefinition;
  readonly serviceImport: CustomResourceDefinition;
  readonly cluster: CustomResourceDefinition;
  readonly endpoint: CustomResourceDefinition;
  readonly gateway: CustomResourceDefinition;
}

const FOLDER = join(import.meta.dirname, '../../deploy/crds');
/** Upstream's, and ours. */
const RELEASE_LABELS = ['multicluster.x-k8s.io/release-version', 'pharos.io/release-version'] as const;

const load = async ({ apiVersion, plural }: Kind): Promise<CustomResourceDefinition> =>
  parse(
    await readFile(join(FOLDER, `${apiVersion.split('/')[0]}_${plural}.yaml`), 'utf8'),
  ) as CustomResourceDefinition;

export async function shippedDefinitions(): Promise<Definitions> {
  const [serviceExport, serviceImport, cluster, endpoint, gateway] = await Promise.all([
    load(Kinds.ServiceExport),
    load(Kinds.ServiceImport),
    load(Kinds.Cluster),
    load(Kinds.TunnelEndpoint),
    load(Kinds.Gateway),
  ]);
  return { serviceExport, serviceImport, cluster, endpoint, gateway };
}

const releaseOf = ({ metadata: { labels } }: CustomResourceDefinition): string | undefined =>
  RELEASE_LABELS.map((label) => labels?.[label]).find((release) => release !== undefined);

/** Compares releases such as `v0.5.2`, number by number; what is no release counts as older than any. */
function compareReleases(a: string | undefined, b: string | undefined): number {
  const numbers = (release = ''): number[] => (release.match(/\d+/g) ?? []).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * What to do about one definition, given the one that the API server has.
 *
 * - none: install ours, marked as ours;
 * - ours: bring it up to date, but never back to an older release (upstream's label tells);
 * - somebody else's: leave it alone if it serves the version that Pharos uses, refuse otherwise.
 *
 * @returns the definition to apply, or undefined where what is there may stay
 * @throws Refusal `definition-too-old`
 */
export function definitionToApply(
  shipped: CustomResourceDefinition,
  present: CustomResourceDefinition | undefined,
  location: string,
): CustomResourceDefinition | undefined {
  const labels = { ...shipped.metadata.labels, ...OURS };
  const ours = { ...shipped, metadata: { ...shipped.metadata, labels } };
  if (present === undefined) return ours;
  if (isOurs(present)) {
    const newer = compareReleases(releaseOf(present), releaseOf(shipped)) > 0;
    return newer ? undefined : ours;
  }
  const stored = shipped.spec.versions.find(({ storage }) => storage)?.name;
  if (present.spec.versions.some(({ name, served }) => served && name === stored)) return undefined;
  const served = present.spec.versions.filter((version) => version.served).map(({ name }) => name);
  throw new Refusal(
    'definition-too-old',
    `CustomResourceDefinition ${present.metadata.name} at ${location} serves ${served.join(', ') || 'no version'}, ` +
      `Pharos needs ${stored ?? 'another'}; upgrade it to release ${releaseOf(shipped) ?? ''} of ${shipped.spec.group} first`,
  );
}

/** {@link definitionToApply} for each of `shipped`, against what the API server has now. */
export async function definitionsToApply(
  store: ObjectStore,
  shipped: readonly CustomResourceDefinition[],
): Promise<CustomResourceDefinition[]> {
  const decided = await Promise.all(
    shipped.map(async (definition) =>
      definitionToApply(
        definition,
        await store.get(Kinds.CustomResourceDefinition, { name: definition.metadata.name }),
        store.location,
      ),
    ),
  );
  return decided.filter((definition) => definition !== undefined);
}

const SERVED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;

/**
 * Waits until an API server serves kinds whose definitions it has just got, which takes it a moment.
 *
 * @throws StoreError, the server's last word, where it does not within half a minute
 */
export async function untilServed(store: ObjectStore, kinds: readonly Kind[], clock: Clock): Promise<void> {
  const end = clock.monotonic() + SERVED_WITHIN_MS;
  for (const kind of kinds) {
    for (;;) {
      try {
        await store.list(kind, { namespace: SYSTEM_NAMESPACE });
        break;
      } catch (error) {
        const isEarly =
          error instanceof StoreError && (error.code === 'not-found' || error.code === 'unavailable');
        if (!isEarly || clock.monotonic() >= end) throw error;
      }
      await clock.sleep(LOOK_EVERY_MS);
    }
  }
}
