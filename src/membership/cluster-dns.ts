/** A member's cluster DNS: where it keeps its configuration, and how the clusterset's zones get into it. */
import { createHash } from 'node:crypto';
import type { ConfigMap, Deployment } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { ObjectRef, ObjectStore } from '../store/store.ts';
import type { Patience } from './components.ts';
import { untilRunning } from './components.ts';
import type { Stub } from './corefile.ts';
import { importsServers, stubBlocks, withoutStub, withStub, zonesOfOthers } from './corefile.ts';
import { isOurs, manifest, OURS } from './manifest.ts';
import { Refusal } from './refusal.ts';

/** One text to be written: key `key` of a ConfigMap. */
export interface DnsChange {
  readonly ref: Required<ObjectRef>;
  readonly key: string;
  /** Undefined where the ConfigMap is to be made. */
  readonly resourceVersion: string | undefined;
  readonly before: string;
  /** Undefined where the whole ConfigMap goes, which Pharos made. */
  readonly after: string | undefined;
  /** What must be restarted to read it; undefined where it looks for itself. */
  readonly restarts: Required<ObjectRef> | undefined;
}

const SYSTEM = 'kube-system';
const COREFILE = 'Corefile';
const COREDNS = { name: 'coredns', namespace: SYSTEM } as const;
/** Read by the Corefile of k3s and AKS, as `*.server`. */
const CUSTOM = { name: 'coredns-custom', namespace: SYSTEM } as const;
const CUSTOM_KEY = 'pharos.server';
const NODE_LOCAL = { name: 'node-local-dns', namespace: SYSTEM } as const;
const BACKUP = 'cluster-dns-backup';
const RESTARTED = 'pharos.io/corefile';

/**
 * What must be written so that cluster DNS sends these zones there. Changes nothing.
 *
 * @throws Refusal `dns-unknown` where there is no CoreDNS that may be configured so, with what to do by hand;
 * `zone-taken` where somebody else's block serves a zone
 */
export async function planStub(member: ObjectStore, stub: Stub): Promise<DnsChange[]> {
  const [main, custom, nodeLocal] = await Promise.all(
    [COREDNS, CUSTOM, NODE_LOCAL].map((ref) => member.get(Kinds.ConfigMap, ref)),
  );
  const corefile = main?.data?.[COREFILE];
  if (main === undefined || corefile === undefined || isKeptByHelm(main)) {
    throw new Refusal('dns-unknown', byHand(member.location, stub, main !== undefined));
  }
  const changes: DnsChange[] = [];
  if (importsServers(corefile)) {
    const others = Object.entries(custom?.data ?? {}).filter(([key]) => key !== CUSTOM_KEY);
    expectFree([corefile, ...others.map(([, text]) => text)].join('\n'), stub, CUSTOM);
    changes.push(change(CUSTOM, CUSTOM_KEY, custom, stubBlocks(stub), undefined));
  } else {
    expectFree(corefile, stub, COREDNS);
    const restarts = reloads(corefile) ? undefined : COREDNS;
    changes.push(change(COREDNS, COREFILE, main, withStub(corefile, stub), restarts));
  }
  const local = nodeLocal?.data?.[COREFILE];
  if (local !== undefined) {
    expectFree(local, stub, NODE_LOCAL);
    changes.push(change(NODE_LOCAL, COREFILE, nodeLocal, withStub(local, stub), undefined));
  }
  return changes.filter(({ before, after }) => before !== after);
}

/** What must be written so that nothing of {@link planStub} is left. Changes nothing. */
export async function planNoStub(member: ObjectStore): Promise<DnsChange[]> {
  const found = await Promise.all(
    [COREDNS, NODE_LOCAL].map(async (ref): Promise<DnsChange | undefined> => {
      const present = await member.get(Kinds.ConfigMap, ref);
      const corefile = present?.data?.[COREFILE];
      if (corefile === undefined || corefile === withoutStub(corefile)) return undefined;
      const restarts = ref === COREDNS && !reloads(corefile) ? COREDNS : undefined;
      return change(ref, COREFILE, present, withoutStub(corefile), restarts);
    }),
  );
  const custom = await member.get(Kinds.ConfigMap, CUSTOM);
  const blocks = custom?.data?.[CUSTOM_KEY];
  if (custom !== undefined && blocks !== undefined) {
    const isAlone = isOurs(custom) && Object.keys(custom.data ?? {}).length === 1;
    found.push(change(CUSTOM, CUSTOM_KEY, custom, isAlone ? undefined : '', undefined));
  }
  return found.filter((each) => each !== undefined);
}

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
  for (const { ref, key, after, resourceVersion, restarts } of changes) {
    if (after === undefined) {
      await member.remove(Kinds.ConfigMap, ref);
      continue;
    }
    const { kind, object } = manifest<ConfigMap>(Kinds.ConfigMap, {
      metadata: resourceVersion === undefined ? { ...ref, labels: { ...OURS } } : { ...ref },
      data: after === '' ? {} : { [key]: after },
    });
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

const change = (
  ref: Required<ObjectRef>,
  key: string,
  present: ConfigMap | undefined,
  after: string | undefined,
  restarts: Required<ObjectRef> | undefined,
): DnsChange => ({
  ref,
  key,
  resourceVersion: present?.metadata.resourceVersion,
  before: present?.data?.[key] ?? '',
  after,
  restarts,
});

/** Whether CoreDNS looks for changes of its Corefile by itself. */
const reloads = (corefile: string): boolean => /^\s*reload(\s|$)/m.test(corefile);

/** RKE2's: what is written into it is undone with the next upgrade of the chart. */
const isKeptByHelm = ({ metadata: { labels, annotations } }: ConfigMap): boolean =>
  labels?.['app.kubernetes.io/managed-by'] === 'Helm' ||
  annotations?.['meta.helm.sh/release-name'] !== undefined;

function expectFree(corefile: string, stub: Stub, { name, namespace }: Required<ObjectRef>): void {
  const taken = zonesOfOthers(corefile, stub.zones);
  if (taken.length === 0) return;
  throw new Refusal(
    'zone-taken',
    `ConfigMap ${namespace}/${name} serves ${taken.join(', ')} by a block that Pharos did not write; take it out, ` +
      `or leave --configure-cluster-dns out and let that block forward to ${stub.servers.join(' ')}`,
  );
}

function byHand(location: string, stub: Stub, kept: boolean): string {
  const why = kept
    ? 'its CoreDNS is configured by a Helm release, which would undo a change of its Corefile'
    : `it has no Corefile in ConfigMap ${SYSTEM}/${COREDNS.name}`;
  return (
    `${location}: cluster DNS can't be configured from here: ${why}. Leave --configure-cluster-dns out and send ` +
    `${stub.zones.join(', ')} to ${stub.servers.join(' ')} in the way of your distribution: ` +
    'docs/how-to/configure-cluster-dns.md has RKE2, OpenShift, GKE and others'
  );
}
