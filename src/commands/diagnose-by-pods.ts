import type { Values } from '../config/flag.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import type { diagnoseSpec } from '../config/specs/diagnose.ts';
import type { Check, Verdict } from '../diagnosis/check.ts';
import type { FactSource } from '../diagnosis/fact-source.ts';
import type { FactName } from '../diagnosis/facts.ts';
import {
  lookAtNodes,
  lookFromPod,
  type LookNode,
  type LookOptions,
  nodesOf,
  plainImageOf,
} from '../diagnosis/pods/look.ts';
import { verdictOfAll } from '../diagnosis/pods/report.ts';
import type { Finding } from '../diagnosis/run-checks.ts';
import { systemClock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Context } from './command.ts';
import { untilCalledOff } from './until-called-off.ts';
import { UserError } from './user-error.ts';

/** Facts that only a node's own network tells, and those that any pod's does. */
const OF_NODES: readonly FactName[] = ['hostTools', 'hostStrongswan', 'hostState'];
const OF_PODS: readonly FactName[] = ['straightAnswer', 'clusterDnsAnswer'];

export interface SplitChecks {
  readonly ofNodes: readonly Check[];
  readonly ofPods: readonly Check[];
  /** What can be seen from here. */
  readonly others: readonly Check[];
}

export function splitChecks(checks: readonly Check[]): SplitChecks {
  const needs = (facts: readonly FactName[]) =>
    checks.filter((each) => each.needs.some((need) => facts.includes(need)));
  const ofNodes = needs(OF_NODES);
  const ofPods = needs(OF_PODS);
  return {
    ofNodes,
    ofPods,
    others: checks.filter((each) => !ofNodes.includes(each) && !ofPods.includes(each)),
  };
}

/** A pod that has not started in this time does not start. */
const TIMEOUT_MS = 120_000;

/**
 * What pods find out about these checks.
 *
 * @returns undefined where it was called off by a signal; nothing is left of it then either
 */
export async function findByPods(
  { ofNodes, ofPods }: Pick<SplitChecks, 'ofNodes' | 'ofPods'>,
  member: ObjectStore,
  source: FactSource,
  values: Values<typeof diagnoseSpec>,
  context: Context,
): Promise<Finding[] | undefined> {
  return untilCalledOff(context, async (signal) => {
    const options: LookOptions = {
      timeoutMs: TIMEOUT_MS,
      clock: systemClock,
      signal,
      onProgress: (line) => void context.stderr.write(`${line}\n`),
    };
    const nodes = ofNodes.length === 0 ? [] : chosen(await nodesOf(member), values.node, member.location);
    const found = await Promise.all([
      findOnNodes(member, nodes, ofNodes, options),
      findFromPod(member, source, ofPods, values, options),
    ]);
    return found.flat();
  });
}

/** @throws UserError where a node that was named is none */
function chosen(nodes: readonly LookNode[], names: readonly string[], location: string): readonly LookNode[] {
  const unknown = names.find((name) => !nodes.some(({ node }) => node === name));
  if (unknown !== undefined) {
    throw new UserError(
      `no route agent runs on a node "${unknown}" of ${location}; they run on ${nodes.map(({ node }) => node).join(', ') || 'none'}`,
    );
  }
  return names.length === 0 ? nodes : nodes.filter(({ node }) => names.includes(node));
}

async function findOnNodes(
  member: ObjectStore,
  nodes: readonly LookNode[],
  ofNodes: readonly Check[],
  options: LookOptions,
): Promise<Finding[]> {
  if (ofNodes.length === 0) return [];
  if (nodes.length === 0) {
    return ofNodes.map((check) => ({
      check,
      verdict: { is: 'skipped', why: 'no route agent runs in this cluster' },
    }));
  }
  const looks = await lookAtNodes(
    member,
    nodes,
    ofNodes.map(({ id }) => id),
    options,
  );
  return ofNodes.map((check) => ({
    check,
    verdict: verdictOfAll(
      new Map(
        [...looks].flatMap(([node, look]): [string, Verdict][] => {
          const verdict = look.get(check.id);
          return verdict === undefined ? [] : [[node, verdict]];
        }),
      ),
    ),
  }));
}

async function findFromPod(
  member: ObjectStore,
  source: FactSource,
  ofPods: readonly Check[],
  { zone, dnsServer, clusterDns }: Values<typeof diagnoseSpec>,
  options: LookOptions,
): Promise<Finding[]> {
  if (ofPods.length === 0) return [];
  const image = await plainImageOf(member);
  if (image === undefined) {
    const why = 'nothing of Pharos is installed as a Deployment or DaemonSet: there is no image to look with';
    return ofPods.map((check) => ({ check, verdict: { is: 'skipped', why } }));
  }
  const service = await source.get('dnsService');
  const [address] = (service.is === 'known' ? service.value?.spec.clusterIPs : undefined) ?? [];
  const server = dnsServer ?? (address === undefined ? undefined : { address, port: 53 });
  const look = await lookFromPod(
    member,
    image,
    ofPods.map(({ id }) => id),
    [
      `--zone=${zone}`,
      ...(server === undefined ? [] : [`--dns-server=${formatListenAddress(server)}`]),
      ...(clusterDns === undefined ? [] : [`--cluster-dns=${formatListenAddress(clusterDns)}`]),
    ],
    options,
  );
  return ofPods.map((check) => ({
    check,
    verdict: look.get(check.id) ?? { is: 'unknown', why: 'the pod did not tell' },
  }));
}
