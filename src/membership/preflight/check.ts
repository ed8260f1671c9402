/** Whether a cluster can join, by what was found on both sides before anything is changed. Pure. */
import { type Cidr, overlaps } from '../../api/cidr.ts';
import type { ClusterId } from '../../api/identity.ts';
import type { Access } from '../../store/server-questions.ts';
import { Refusal } from '../refusal.ts';
import { describeAccess } from './access.ts';
import { type Networks, networksOf } from './networks.ts';
import { isTooOld, LEAST_KUBERNETES } from './kubernetes-version.ts';

/** One API server. */
export interface ServerFacts {
  readonly location: string;
  /** `v1.34.1` */
  readonly version: string;
  /** What joining takes and who runs it may not do. */
  readonly denied: readonly Access[];
}

/** What another member says of itself on the broker. */
export interface MemberNetworks {
  readonly cluster: string;
  readonly pods: readonly Cidr[];
  readonly services: readonly Cidr[];
  readonly clusterset: readonly Cidr[];
}

/** What can be said of cluster DNS without changing it. */
export type DnsFacts =
  | { readonly is: 'configurable'; readonly where: readonly string[] }
  | { readonly is: 'by-hand'; readonly reason: string };

/** Names of nodes. */
export interface GatewayNodes {
  readonly all: readonly string[];
  /** Those with the label already. */
  readonly labelled: readonly string[];
  /** Those that are to be labelled. */
  readonly given: readonly string[];
}

export interface PreflightFacts {
  readonly cluster: ClusterId;
  readonly member: ServerFacts;
  readonly broker: ServerFacts;
  readonly pods: Networks;
  readonly services: Networks;
  /** Of the clusterset's IPs. */
  readonly clusterset: readonly Cidr[];
  readonly others: readonly MemberNetworks[];
  readonly clusterDns: DnsFacts;
  /** What cluster DNS is to send to Pharos. */
  readonly stubZones: readonly string[];
  readonly gateways: GatewayNodes;
  readonly wants: {
    readonly tunnels: boolean;
    readonly clusterDns: boolean;
    readonly clustersetIps: boolean;
    readonly reverseZones: boolean;
  };
}

export interface Finding {
  readonly level: 'fine' | 'warning' | 'refusal';
  readonly text: string;
}

/** Every finding, in the order of the questions; a refusal says what is wrong, where, and what to do. */
export function checkPreflight(facts: PreflightFacts): Finding[] {
  return [
    checkServer('the member', facts.member),
    checkServer('the broker', facts.broker),
    ...checkNetworks(facts),
    ...(facts.wants.tunnels ? [checkGateways(facts.gateways)] : []),
    checkClusterDns(facts),
  ];
}

function checkServer(role: string, { location, version, denied }: ServerFacts): Finding {
  const tooOld = isTooOld(version);
  if (tooOld === undefined) {
    return {
      level: 'warning',
      text: `${location}, ${role}, says that it is Kubernetes "${version}": ${LEAST_KUBERNETES} or later is needed`,
    };
  }
  if (tooOld) {
    return {
      level: 'refusal',
      text: `${location}, ${role}, is Kubernetes ${version}: upgrade it to ${LEAST_KUBERNETES} or later`,
    };
  }
  if (denied.length > 0) {
    return {
      level: 'refusal',
      text:
        `${location}, ${role}: these credentials may not ${denied.map(describeAccess).join(', ')}; ` +
        'use an administrator’s kubeconfig (cluster-admin)',
    };
  }
  return {
    level: 'fine',
    text: `${role}, ${location}: Kubernetes ${version}, all that is needed is allowed`,
  };
}

interface Claim {
  readonly network: Cidr;
  readonly owner: string;
}

function checkNetworks({ cluster, pods, services, clusterset, others, wants }: PreflightFacts): Finding[] {
  const own: Claim[] = [
    ...claims(networksOf(pods), `the pods of this cluster "${cluster}"`),
    ...claims(networksOf(services), `the Services of this cluster "${cluster}"`),
    ...claims(clusterset, 'the clusterset’s IPs (--clusterset-cidr)'),
  ];
  const theirs = others.flatMap((other) => [
    ...claims(other.pods, `the pods of cluster "${other.cluster}"`),
    ...claims(other.services, `the Services of cluster "${other.cluster}"`),
  ]);
  const clashes = [
    ...own.flatMap((a, at) => own.slice(at + 1).flatMap((b) => clash(a, b))),
    ...own.flatMap((a) => theirs.flatMap((b) => clash(a, b))),
  ];
  const differing = others.filter(
    (other) => other.clusterset.length > 0 && !sameNetworks(other.clusterset, clusterset),
  );
  return [
    checkFound('pods', pods, wants.tunnels),
    checkFound('Services', services, wants.tunnels),
    ...clashes.map((text): Finding =>
      wants.tunnels
        ? {
            level: 'refusal',
            text: `${text}: no tunnel can tell them apart; change one, or say otherwise by --pod-cidr and --service-cidr`,
          }
        : { level: 'warning', text: `${text}: an answer may lead to the wrong one of them` },
    ),
    ...differing.map((other): Finding => ({
      level: 'warning',
      text:
        `cluster "${other.cluster}" has its clusterset IPs in ${other.clusterset.join(', ')}, this one in ` +
        `${clusterset.join(', ')} (--clusterset-cidr): all members should say the same`,
    })),
    ...(clashes.length === 0 && theirs.length > 0
      ? [
          {
            level: 'fine',
            text: `no network of another member is in the way (${others.length} looked at)`,
          } as const,
        ]
      : []),
  ];
}

function checkFound(what: 'pods' | 'Services', networks: Networks, needed: boolean): Finding {
  if (networks.is === 'unknown') {
    return {
      level: needed ? 'refusal' : 'warning',
      text: `the network of this cluster’s ${what} is not known: ${networks.reason}`,
    };
  }
  const text = `${what} have ${networks.networks.join(', ')}, says ${networks.source}`;
  return networks.doubts.length === 0
    ? { level: 'fine', text }
    : { level: 'warning', text: `${text}; but ${networks.doubts.join('; ')}` };
}

function checkGateways({ all, labelled, given }: GatewayNodes): Finding {
  const unknown = given.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    return {
      level: 'refusal',
      text: `--gateway-node: there is no node ${unknown.join(', ')}; the cluster has ${all.join(', ')}`,
    };
  }
  const gateways = [...new Set([...labelled, ...given])].sort();
  if (gateways.length === 0) {
    return {
      level: 'refusal',
      text:
        'no node is a gateway: name one, or better two, that the other clusters reach, by --gateway-node, of ' +
        (all.join(', ') || 'none that there is yet'),
    };
  }
  return gateways.length === 1
    ? {
        level: 'warning',
        text: `${gateways[0]} is the only gateway: when it fails, so does the way to the others`,
      }
    : { level: 'fine', text: `gateways are ${gateways.join(', ')}` };
}

function checkClusterDns({ clusterDns, wants, member }: PreflightFacts): Finding {
  if (clusterDns.is === 'configurable') {
    return { level: 'fine', text: `cluster DNS is configured by ${clusterDns.where.join(' and ')}` };
  }
  return wants.clusterDns
    ? { level: 'refusal', text: clusterDns.reason }
    : {
        level: 'warning',
        text: `${member.location}: cluster DNS is to be configured by hand: docs/how-to/configure-cluster-dns.md`,
      };
}

const claims = (networks: readonly Cidr[], owner: string): Claim[] =>
  networks.map((network) => ({ network, owner }));

const clash = (a: Claim, b: Claim): string[] =>
  overlaps(a.network, b.network) ? [`${a.network}, ${a.owner}, overlaps ${b.network}, ${b.owner}`] : [];

const sameNetworks = (a: readonly Cidr[], b: readonly Cidr[]): boolean =>
  a.toSorted().join() === b.toSorted().join();

/** @throws Refusal `preflight` with everything that is in the way, at once */
export function expectPassed(findings: readonly Finding[]): void {
  const refusals = findings.filter(({ level }) => level === 'refusal').map(({ text }) => text);
  if (refusals.length > 0) throw new Refusal('preflight', refusals.join('; '));
}
