import type { Kind } from '../api/kinds.ts';
import { Kinds } from '../api/kinds.ts';

/**
 * How the name of a member's object on the broker is made. A member can neither take nor squat a name that
 * another member would use, since its own id is in each of its names, at a fixed place.
 */
export type NameRule =
  /** `<service>.<namespace>.<cluster>` */
  | 'record'
  /** `<service>.<namespace>.<cluster>.<suffix>`, the suffix without dots */
  | 'record-part'
  /** `<cluster>` */
  | 'cluster'
  /** `<cluster>.<gateway>`, where a gateway may have dots in its name */
  | 'gateway';

export interface RecordKind {
  readonly kind: Kind;
  readonly name: NameRule;
}

/**
 * Everything that members keep on the broker. The Role, the admission policy, what `broker show` counts and
 * what `leave` withdraws are all made from this one table.
 */
export const RECORD_KINDS: readonly RecordKind[] = [
  { kind: Kinds.ServiceImport, name: 'record' },
  { kind: Kinds.EndpointSlice, name: 'record-part' },
  { kind: Kinds.Lease, name: 'cluster' },
  { kind: Kinds.Cluster, name: 'cluster' },
  { kind: Kinds.TunnelEndpoint, name: 'gateway' },
];

/** `multicluster.x-k8s.io` of `multicluster.x-k8s.io/v1beta1`; '' of `v1`. */
export const groupOf = (kind: Kind): string => {
  const slash = kind.apiVersion.indexOf('/');
  return slash < 0 ? '' : kind.apiVersion.slice(0, slash);
};
