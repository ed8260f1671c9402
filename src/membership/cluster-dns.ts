/** A member's cluster DNS: where it keeps its configuration, and how the clusterset's zones get into it. */
import { isDeepStrictEqual } from 'node:util';
import type { ConfigMap } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import type { ObjectRef, ObjectStore } from '../store/store.ts';
import type { Stub } from './corefile.ts';
import { importsServers, stubBlocks, withoutStub, withStub, zonesOfOthers } from './corefile.ts';
import { stubDomainsOfOthers, withoutStubDomains, withStubDomains } from './kube-dns.ts';
import { type DnsChange, reloads, textChange } from './dns-change.ts';
import { isOurs, manifest } from './manifest.ts';
import {
  type DnsServer,
  OPENSHIFT_DNS,
  type OpenShiftDns,
  withoutServer,
  withServer,
  zonesOfOtherServers,
} from './openshift-dns.ts';
import { COREDNS, COREFILE, CUSTOM, NODE_LOCAL } from './read-corefiles.ts';
import { Refusal } from './refusal.ts';

const SYSTEM = 'kube-system';
const CUSTOM_KEY = 'pharos.server';
/** GKE's. */
const KUBE_DNS = { name: 'kube-dns', namespace: SYSTEM } as const;
const STUB_DOMAINS = 'stubDomains';
/** The operator's; the object itself has no namespace. */
const OPENSHIFT = { name: 'default', namespace: 'openshift-dns-operator' } as const;

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
    const other = (await planOpenShift(member, stub)) ?? (await planKubeDns(member, stub));
    if (other !== undefined) return [other].filter(({ before, after }) => before !== after);
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
  found.push(await planNoOpenShift(member), await planNoKubeDns(member));
  const custom = await member.get(Kinds.ConfigMap, CUSTOM);
  const blocks = custom?.data?.[CUSTOM_KEY];
  if (custom !== undefined && blocks !== undefined) {
    const isAlone = isOurs(custom) && Object.keys(custom.data ?? {}).length === 1;
    found.push(change(CUSTOM, CUSTOM_KEY, custom, isAlone ? undefined : '', undefined));
  }
  return found.filter((each) => each !== undefined);
}

async function planOpenShift(member: ObjectStore, stub: Stub): Promise<DnsChange | undefined> {
  const present = await member.get(OPENSHIFT_DNS, { name: OPENSHIFT.name });
  if (present === undefined) return undefined;
  const { servers = [] } = present.spec ?? {};
  const taken = zonesOfOtherServers(servers, stub.zones);
  if (taken.length > 0) throw new Refusal('zone-taken', zoneTaken('dns.operator/default', taken, stub));
  return serversChange(present, withServer(servers, stub));
}

async function planNoOpenShift(member: ObjectStore): Promise<DnsChange | undefined> {
  const present = await member.get(OPENSHIFT_DNS, { name: OPENSHIFT.name });
  const { servers = [] } = present?.spec ?? {};
  const rest = withoutServer(servers);
  return present === undefined || rest.length === servers.length ? undefined : serversChange(present, rest);
}

function serversChange({ metadata, spec }: OpenShiftDns, wanted: DnsServer[]): DnsChange {
  // The API server has its own order of fields.
  const servers = isDeepStrictEqual(spec?.servers, wanted) ? (spec?.servers ?? []) : wanted;
  return {
    ref: OPENSHIFT,
    key: 'spec.servers',
    resourceVersion: metadata.resourceVersion,
    before: JSON.stringify(spec?.servers ?? []),
    after: JSON.stringify(servers),
    restarts: undefined,
    manifest: manifest<OpenShiftDns>(OPENSHIFT_DNS, {
      metadata: { name: OPENSHIFT.name },
      spec: { servers },
    }),
  };
}

async function planKubeDns(member: ObjectStore, stub: Stub): Promise<DnsChange | undefined> {
  const [present, server] = await Promise.all([
    member.get(Kinds.ConfigMap, KUBE_DNS),
    member.get(Kinds.Deployment, KUBE_DNS),
  ]);
  if (server === undefined) return undefined;
  const before = present?.data?.[STUB_DOMAINS] ?? '';
  const taken = stubDomainsOfOthers(before, stub.zones);
  const where = `key ${STUB_DOMAINS} of ConfigMap ${SYSTEM}/${KUBE_DNS.name}`;
  if (taken.length > 0) throw new Refusal('zone-taken', zoneTaken(where, taken, stub));
  const after = withStubDomains(before, stub);
  if (after === undefined) {
    throw new Refusal(
      'dns-unknown',
      `${member.location}: ${where} is no JSON object; mend it and run this again`,
    );
  }
  return change(KUBE_DNS, STUB_DOMAINS, present, after, undefined);
}

async function planNoKubeDns(member: ObjectStore): Promise<DnsChange | undefined> {
  const present = await member.get(Kinds.ConfigMap, KUBE_DNS);
  const before = present?.data?.[STUB_DOMAINS] ?? '';
  const after = withoutStubDomains(before);
  if (present === undefined || after === before) return undefined;
  const isAlone = isOurs(present) && Object.keys(present.data ?? {}).length === 1;
  return change(KUBE_DNS, STUB_DOMAINS, present, isAlone ? undefined : after, undefined);
}

const change = (
  ref: Required<ObjectRef>,
  key: string,
  present: ConfigMap | undefined,
  after: string | undefined,
  restarts: Required<ObjectRef> | undefined,
): DnsChange =>
  textChange(
    { ref, key, text: present?.data?.[key] ?? '', resourceVersion: present?.metadata.resourceVersion },
    after,
    restarts,
  );

/** RKE2's: what is written into it is undone with the next upgrade of the chart. */
const isKeptByHelm = ({ metadata: { labels, annotations } }: ConfigMap): boolean =>
  labels?.['app.kubernetes.io/managed-by'] === 'Helm' ||
  annotations?.['meta.helm.sh/release-name'] !== undefined;

function expectFree(corefile: string, stub: Stub, { name, namespace }: Required<ObjectRef>): void {
  const taken = zonesOfOthers(corefile, stub.zones);
  if (taken.length > 0)
    throw new Refusal('zone-taken', zoneTaken(`ConfigMap ${namespace}/${name}`, taken, stub));
}

const zoneTaken = (where: string, zones: readonly string[], { servers }: Stub): string =>
  `${where} serves ${zones.join(', ')} by a block that Pharos did not write; take it out, or leave ` +
  `--configure-cluster-dns out and let that block forward to ${servers.join(' ')}`;

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
