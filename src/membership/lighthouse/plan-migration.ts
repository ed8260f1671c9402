/** What is to be done so that Pharos answers in the place of Lighthouse, without a gap. Pure. */
import { type DnsChange, type DnsText, reloads, textChange } from '../dns-change.ts';
import { withStub, type Stub } from '../corefile.ts';
import { COREDNS, COREFILE } from '../read-corefiles.ts';
import type { LighthouseFacts, LighthouseImport } from './facts.ts';
import { LIGHTHOUSE } from './kinds.ts';
import {
  forwardsOf,
  isRedirected,
  redirect,
  restore,
  sectionOf,
  withoutSection,
  withSection,
} from './section.ts';

export interface Question {
  readonly name: string;
  readonly type: 'A' | 'AAAA';
  /** What may be in an answer. */
  readonly known: readonly string[];
}

export interface Migration {
  /** `absent`: nothing of Lighthouse is here; `serving`: it answers; `taken-over`: Pharos answers in its place. */
  readonly state: 'absent' | 'serving' | 'taken-over';
  /** What keeps Pharos from taking over, each with what to do. */
  readonly blockers: readonly string[];
  /** What keeps Lighthouse from being replaced for good, beside that. */
  readonly finishBlockers: readonly string[];
  /** Every name that Lighthouse answers, as far as its objects say. */
  readonly questions: readonly Question[];
  readonly takeOver: readonly DnsChange[];
  readonly undo: readonly DnsChange[];
  readonly finish: readonly DnsChange[];
}

/**
 * @param records who exports what on Pharos's own broker: `namespace/name` → cluster ids; undefined where this
 * cluster is no member yet
 */
export function planMigration(
  facts: LighthouseFacts,
  records: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): Migration {
  const parts = facts.dnsTexts.flatMap(lighthousePart);
  const isPresent = facts.discovery !== undefined || parts.length > 0 || facts.slices.length > 0;
  const isTakenOver = parts.length > 0 && parts.every(({ blocks }) => isRedirected(blocks));
  const { pharos } = facts.servers;
  const stub: Stub = { zones: [LIGHTHOUSE.zone], servers: pharos };
  return {
    state: !isPresent ? 'absent' : isTakenOver ? 'taken-over' : 'serving',
    blockers: blockersOf(facts, parts),
    finishBlockers: finishBlockersOf(facts, records, isTakenOver),
    questions: facts.imports.flatMap(questionsOf),
    takeOver: parts.flatMap((part) =>
      changed(
        part,
        part.with((blocks) => redirect(blocks, pharos)),
      ),
    ),
    undo: parts.flatMap((part) => changed(part, part.with(restore))),
    finish: parts.flatMap((part) =>
      isKeptByNobody(part) ? changed(part, withStub(withoutSection(part.text), stub)) : [],
    ),
  };
}

interface Part extends DnsText {
  /** The server blocks that are Lighthouse's. */
  readonly blocks: string;
  /** The whole text with other blocks in their place. */
  readonly with: (change: (blocks: string) => string) => string;
}

function lighthousePart(text: DnsText): Part[] {
  if (text.key === LIGHTHOUSE.customKey) {
    return [{ ...text, blocks: text.text, with: (change) => change(text.text) }];
  }
  const section = sectionOf(text.text);
  if (section === undefined) return [];
  return [{ ...text, blocks: section, with: (change) => withSection(text.text, change) }];
}

function changed(part: DnsText, after: string): DnsChange[] {
  const { ref, key, text } = part;
  if (after === text) return [];
  return [textChange(part, after, key === COREFILE && !reloads(text) ? ref : undefined)];
}

/** Whether a block that is written there stays: in the others a chart or a distribution has the last word. */
const isKeptByNobody = ({ key, ref }: Pick<DnsText, 'key' | 'ref'>): boolean =>
  key === COREFILE && ref.name === COREDNS.name;

function blockersOf(
  { servers, discovery, pharosCluster, location }: LighthouseFacts,
  parts: readonly Part[],
): string[] {
  const blockers: string[] = [];
  if (pharosCluster === undefined) {
    blockers.push(
      `${location} is no member of a Pharos clusterset: run "pharos join" without --configure-cluster-dns`,
    );
  } else if (discovery !== undefined && discovery.clusterId !== pharosCluster) {
    blockers.push(
      `it is "${discovery.clusterId}" to Lighthouse and "${pharosCluster}" to Pharos: names with the cluster in them ` +
        'would change; run "pharos leave", and join under the same id',
    );
  }
  if (servers.pharos.length === 0)
    blockers.push('Pharos’s DNS server is not installed: Service pharos-system/pharos-dns is missing');
  if (discovery?.globalnet === true) {
    blockers.push(
      'it uses Globalnet, whose addresses Pharos does not know: clusters that overlap cannot be taken over',
    );
  }
  for (const domain of discovery?.customDomains ?? []) {
    blockers.push(
      `Lighthouse answers ${domain}, too: give the DNS server --zone ${domain} (chart value zones), and take the custom domain out of Lighthouse`,
    );
  }
  if (parts.length === 0 && discovery !== undefined) {
    blockers.push(
      'no Corefile here sends the zone to Lighthouse: on OpenShift change the upstreams of server "lighthouse" by ' +
        '"oc edit dns.operator/default" to ' +
        (servers.pharos.join(', ') || 'the addresses of Service pharos-dns'),
    );
  }
  const others = parts.flatMap(({ blocks }) =>
    forwardsOf(restore(blocks)).filter(
      (server) => servers.lighthouse.length > 0 && !servers.lighthouse.includes(server),
    ),
  );
  if (others.length > 0) {
    blockers.push(
      `its part of the Corefile forwards to ${others.join(', ')}, not to Lighthouse at ${servers.lighthouse.join(', ')}`,
    );
  }
  return blockers;
}

function finishBlockersOf(
  { replicas, imports, dnsTexts }: LighthouseFacts,
  records: ReadonlyMap<string, ReadonlySet<string>> | undefined,
  isTakenOver: boolean,
): string[] {
  const blockers: string[] = [];
  if (!isTakenOver) blockers.push('Pharos does not answer yet: take over first (--step take-over)');
  for (const [name, count] of [
    [LIGHTHOUSE.operator, replicas.operator],
    [LIGHTHOUSE.agent, replicas.agent],
  ] as const) {
    if ((count ?? 0) > 0) {
      blockers.push(
        `Deployment ${LIGHTHOUSE.namespace}/${name} still runs and would undo it: kubectl -n ${LIGHTHOUSE.namespace} scale ` +
          `deployment ${name} --replicas=0`,
      );
    }
  }
  for (const { namespace, name, clusters } of imports) {
    const known = records?.get(`${namespace}/${name}`);
    const missing = clusters.filter((cluster) => known?.has(cluster) !== true);
    if (missing.length > 0) {
      blockers.push(
        `${namespace}/${name} of ${missing.join(', ')} is not on Pharos’s broker: those clusters must join it, too`,
      );
    }
  }
  for (const { ref, key, text } of dnsTexts) {
    if (isKeptByNobody({ ref, key })) continue;
    if (key === COREFILE && sectionOf(text) === undefined) continue;
    blockers.push(
      `${key} of ConfigMap ${ref.namespace}/${ref.name} is to be replaced by hand: docs/how-to/migrate-from-lighthouse.md`,
    );
  }
  return blockers;
}

function questionsOf({ namespace, name, clusters, addresses, hosts }: LighthouseImport): Question[] {
  const service = `${name}.${namespace}.svc.${LIGHTHOUSE.zone}`;
  const names = [
    service,
    ...clusters.map((cluster) => `${cluster}.${service}`),
    ...hosts.map((host) => `${host}.${service}`),
  ];
  return names.flatMap((each) =>
    (['A', 'AAAA'] as const).map((type) => ({ name: each, type, known: addresses })),
  );
}
