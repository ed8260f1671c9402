import type { Kind } from '../api/kinds.ts';
import { Label, MANAGED_BY } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';

/** An object to be applied, with the kind that says where. */
export interface Manifest {
  readonly kind: Kind;
  readonly object: KubeObject;
}

/** Spells `apiVersion` and `kind` from the kind, so that the two can't disagree. */
export const manifest = <T extends KubeObject>(
  kind: Kind<T>,
  content: Omit<T, 'apiVersion' | 'kind'>,
): Manifest => ({
  kind,
  object: { apiVersion: kind.apiVersion, kind: kind.kind, ...content },
});

/** The mark on everything that setting up makes: what does not carry it is somebody else's. */
export const OURS: Readonly<Record<string, string>> = { [Label.importManagedBy]: MANAGED_BY };

export const isOurs = (object: KubeObject): boolean =>
  object.metadata.labels?.[Label.importManagedBy] === MANAGED_BY;
