import { type GatewayFacts, type ProbeVerdict, carries } from './facts.ts';

/** Why a gateway is the one: the same word goes to log, metric and `explain`. */
export type GatewayReason =
  /** It is the one that the election made active. */
  | 'active'
  /** The active one has no tunnel to that cluster, this one has. */
  | 'has-the-tunnel'
  /** The active one does not answer, this one does. */
  | 'active-is-silent'
  /** None says that it is active. */
  | 'no-active';

export interface GatewayChoice {
  readonly node: string;
  readonly reason: GatewayReason;
}

/**
 * The gateway that a node sends packets for `cluster` to. Every node decides for itself, by its own probes
 * first: when the active gateway's node dies, traffic moves before anybody could be told.
 *
 * A gateway that does not answer is left only for one that does; when all are silent it is more likely that
 * this node is cut off, or a firewall eats the probes, than that all of them are gone.
 *
 * @param gateways all of this cluster but the node that asks; undefined is answered where there is none
 */
export function chooseGateway(
  gateways: readonly GatewayFacts[],
  verdicts: ReadonlyMap<string, ProbeVerdict>, // gateway node → verdict
  cluster: string,
): GatewayChoice | undefined {
  const inOrder = gateways.toSorted(byPreference);
  const [first] = inOrder;
  if (first === undefined) return undefined;
  const active = first.active ? first : undefined;
  const answers = ({ node }: GatewayFacts): boolean => verdicts.get(node) === 'answers';
  const isSilent = ({ node }: GatewayFacts): boolean => verdicts.get(node) === 'silent';
  const withTunnel = inOrder.filter((gateway) => carries(gateway, cluster));
  // Without a tunnel anywhere it does not matter, and the active one will have it first.
  const wanted = withTunnel[0] ?? first;
  const chosen = isSilent(wanted) ? (withTunnel.find(answers) ?? inOrder.find(answers) ?? wanted) : wanted;
  return { node: chosen.node, reason: reasonOf(chosen) };

  function reasonOf(chosen: GatewayFacts): GatewayReason {
    if (active === undefined) return 'no-active';
    if (chosen === active) return 'active';
    return isSilent(active) ? 'active-is-silent' : 'has-the-tunnel';
  }
}

/** The active one first, the later election's where two say so, then by name. */
function byPreference(a: GatewayFacts, b: GatewayFacts): number {
  if (a.active !== b.active) return a.active ? -1 : 1;
  if (a.active && a.leaseEpoch !== b.leaseEpoch) return b.leaseEpoch - a.leaseEpoch;
  return a.node < b.node ? -1 : 1;
}
