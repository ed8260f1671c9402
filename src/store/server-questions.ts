import type { Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';

/** Something that somebody may be allowed to do. */
export interface Access {
  readonly verb: 'get' | 'list' | 'create' | 'patch' | 'delete';
  /** '' for the core group. */
  readonly group: string;
  /** `pods`, or with a subresource `serviceaccounts/token`. */
  readonly resource: string;
  /** Absent for what has no namespace. */
  readonly namespace?: string;
}

/** What an API server can be asked beside its objects. Nothing of it changes anything. */
export interface ServerQuestions {
  /** As the server says it: `v1.34.1`, `v1.30.4-eks-a18cd3a`. */
  version(): Promise<string>;
  /** Whether who asks is allowed to do that (SelfSubjectAccessReview, authorization.k8s.io/v1). */
  may(access: Access): Promise<boolean>;
  /** Why the server would not create the object (a dry run); undefined where it would. */
  objection(kind: Kind, object: KubeObject): Promise<string | undefined>;
}
