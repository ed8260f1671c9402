import type { KubeObject } from '../api/objects.ts';
import type { Selector } from './store.ts';

/** Whether `object` is among what `selector` asks for. */
export function matches(selector: Selector, { metadata }: KubeObject): boolean {
  if (selector.namespace !== undefined && metadata.namespace !== selector.namespace) return false;
  if (selector.name !== undefined && metadata.name !== selector.name) return false;
  const labels = metadata.labels ?? {};
  for (const [label, value] of Object.entries(selector.labels ?? {})) {
    if (!Object.hasOwn(labels, label) || labels[label] !== value) return false;
  }
  return (selector.labelExists ?? []).every((label) => Object.hasOwn(labels, label));
}
