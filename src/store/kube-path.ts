import type { Kind } from '../api/kinds.ts';
import { type ObjectRef, type Selector, StoreError } from './store.ts';

/** `/api/v1/...` for the core group, `/apis/GROUP/VERSION/...` for all others; all objects without `namespace`. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const root = kind.apiVersion.includes('/') ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
  if (!kind.namespaced || namespace === undefined) return `${root}/${kind.plural}`;
  return `${root}/namespaces/${segment(namespace)}/${kind.plural}`;
}

/** The path of one object. @throws StoreError `invalid` where the reference can not name one. */
export function objectPath(kind: Kind, { name, namespace }: ObjectRef): string {
  if (kind.namespaced && namespace === undefined) {
    throw new StoreError('invalid', `${kind.kind} "${name}" has no namespace, must have one`);
  }
  return `${collectionPath(kind, namespace)}/${segment(name)}`;
}

/** The `labelSelector` parameter, or undefined where labels do not restrict. */
export function labelSelector({ labels = {}, labelExists = [] }: Selector): string | undefined {
  const terms = [...Object.entries(labels).map(([label, value]) => `${label}=${value}`), ...labelExists];
  return terms.length === 0 ? undefined : terms.join(',');
}

/** The `fieldSelector` parameter; RBAC lets a watch by name through that is granted by name. */
export const fieldSelector = ({ name }: Selector): string | undefined =>
  name === undefined ? undefined : `metadata.name=${name}`;

/** One path segment. What would change the path's shape is not a name that an API server could have. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/%]/.test(name)) {
    throw new StoreError('invalid', `"${name}" can not be the name of an object or namespace`);
  }
  return encodeURIComponent(name);
}
