import type { Kind } from '../../api/kinds.ts';
import { Kinds } from '../../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import type { Access } from '../../store/server-questions.ts';
import type { Manifest } from '../manifest.ts';
import { groupOf } from '../record-kinds.ts';

/** What applying the manifests takes, each once. Pure. */
function accessToApply(manifests: readonly Manifest[]): Access[] {
  const needed = manifests.flatMap(({ kind, object: { metadata } }) => accessTo(kind, metadata.namespace));
  return [...new Map(needed.map((access) => [describeAccess(access), access])).values()];
}

/** What joining takes on the broker: the identity, and its token. */
export const accessOnBroker = (identity: readonly Manifest[], namespace: string): Access[] => [
  ...accessToApply(identity),
  { verb: 'create', group: '', resource: 'serviceaccounts/token', namespace },
];

/** What joining takes in the member beside its manifests. */
export const accessInMember = (
  manifests: readonly Manifest[],
  dnsNamespaces: readonly string[],
): Access[] => [
  ...accessToApply(manifests),
  ...accessTo(Kinds.Secret, SYSTEM_NAMESPACE),
  ...dnsNamespaces.flatMap((namespace) => accessTo(Kinds.ConfigMap, namespace)),
];

const accessTo = (kind: Kind, namespace: string | undefined): Access[] =>
  (['get', 'create', 'patch'] as const).map((verb) => ({
    verb,
    group: groupOf(kind),
    resource: kind.plural,
    ...(kind.namespaced && namespace !== undefined && { namespace }),
  }));

/** `patch deployments.apps in pharos-system`, as `kubectl auth can-i` takes it, almost. */
export const describeAccess = ({ verb, group, resource, namespace }: Access): string =>
  `${verb} ${resource}${group === '' ? '' : `.${group}`}${namespace === undefined ? '' : ` in ${namespace}`}`;
