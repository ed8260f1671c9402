/** Changes of the configuration of a member's cluster DNS, and how they are made. */
import { createHash } from 'node:crypto';
import type { ConfigMap, Deployment } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { ObjectRef, ObjectStore } from '../store/store.ts';
import { untilRunning } from './components.ts';
import { withoutStub } from './corefile.ts';
import { type Manifest, manifest, OURS } from './manifest.ts';
import type { Patience } from './patience.ts';

/** A text as it stands in a ConfigMap. */
export interface DnsText {
  readonly ref: Required<ObjectRef>;
  readonly key: string;
  readonly text: string;
  /** Undefined where there is no such ConfigMap. */
  readonly resourceVersion: string | undefined;
}

/** One text to be written: a key of a ConfigMap, or in JSON a field of an object. */
export interface DnsChange {
  readonly ref: Required<ObjectRef>;
  readonly key: string;
  readonly before: string;
  /** Undefined where the whole object goes, which Pharos made. */
  readonly after: string | undefined;
  /** The object with the text. */
  readonly manifest: Manifest;
  /** Undefined where the object is to be made. */
  readonly resourceVersion: string | undefined;
  /** What must be restarted to read it; undefined where it looks for itself. */
  readonly restarts: Required<ObjectRef> | undefined;
}

/** `ConfigMap kube-system/coredns, Corefile` */
export const placeOf = ({ manifest: { kind }, ref: { namespace, name }, key }: DnsChange): string =>
  `${kind.kind} ${namespace}/${name}, ${key}`;

const BACKUP = 'cluster-dns-backup';
const RESTARTED = 'pharos.io/corefile';

/** Another text in the place of one of a ConfigMap. */
export const textChange = (
  { ref, key, text, resourceVersion }: DnsText,
  after: string | undefined,
  restarts: Required<ObjectRef> | undefined,
): DnsChange => ({
  ref,
  key,
  before: text,
  after,
  manifest: manifest<ConfigMap>(Kinds.ConfigMap, {
    metadata: resourceVersion === undefined ? { ...ref, labels: { ...OURS } } : { ...ref },
    data: after === undefined || after === '' ? {} : { [key]: after },
  }),
  resourceVersion,
  restarts,
});

/** Whether CoreDNS looks for changes of its Corefile by itself. */
export const reloads = (corefile: string): boolean => /^\s*reload(\s|$)/m.test(corefile);

/**
 * Writes the changes; a text that somebody changed since it was read is not overwritten. What stood there
 * before is kept in ConfigMap pharos-system/cluster-dns-backup, if `backup` says so.
 *
 * @throws StoreError `conflict`: plan again
 */
export async function applyDnsChanges(
  member: ObjectStore,
  changes: readonly DnsChange[],
  { backup }: { readonly backup: boolean },
): Promise<void> {
  if (backup && changes.length > 0) {
    const data = Object.fromEntries(
      changes.map(({ ref, key, before }) => [`${ref.namespace}.${ref.name}.${key}`, withoutStub(before)]),
    );
    const { kind, object } = manifest<ConfigMap>(Kinds.ConfigMap, {
      metadata: { name: BACKUP, namespace: SYSTEM_NAMESPACE, labels: { ...OURS } },
      data,
    });
    await member.apply(kind, object);
  }
  for (const {
    ref,
    after,
    manifest: { kind, object },
    resourceVersion,
    restarts,
  } of changes) {
    if (after === undefined) {
      await member.remove(kind, ref);
      continue;
    }
    await member.apply(kind, object, { if: resourceVersion === undefined ? 'absent' : { resourceVersion } });
    if (restarts !== undefined) await restart(member, restarts, after);
  }
}

/** As `kubectl rollout restart` does it: the pods' template says which text they started with. */
async function restart(member: ObjectStore, ref: Required<ObjectRef>, text: string): Promise<void> {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const annotated = { spec: { template: { metadata: { annotations: { [RESTARTED]: hash } } } } };
  await member.apply(Kinds.Deployment, {
    apiVersion: Kinds.Deployment.apiVersion,
    kind: 'Deployment',
    metadata: { ...ref },
    ...annotated,
  } as KubeObject as Deployment);
}

/** Resolves when whatever {@link applyDnsChanges} restarted runs again. @throws Refusal `not-ready` */
export const untilRestarted = (
  member: ObjectStore,
  changes: readonly DnsChange[],
  patience: Patience,
): Promise<void> =>
  untilRunning(
    member,
    changes.flatMap(({ restarts }) =>
      restarts === undefined
        ? []
        : [manifest(Kinds.Deployment, { metadata: restarts } as Omit<Deployment, 'apiVersion' | 'kind'>)],
    ),
    patience,
  );
