import { type GatewayFacts, type ProbeVerdict, carries } from './facts.ts';

/**
 * What becomes of connections to a cluster. `open`: new ones may go there. `closing`: no new ones, those that
 * are stay. `gone`: nothing gets there, so what is open is ended rather than left to wait.
 */
export type Reach = 'open' | 'closing' | 'gone';

/**
 * How a cluster can be reached by what the gateways of this one say. Of gateways that have fallen silent
 * nobody knows whether their tunnels still carry, as they do when only a process has died; with their nodes
 * silent as well, they do not.
 */
export function reachOf(
  cluster: string,
  gateways: readonly GatewayFacts[],
  verdicts: ReadonlyMap<string, ProbeVerdict>, // gateway node → verdict
): Reach {
  // Who has no gateways has a flat network.
  if (gateways.length === 0) return 'open';
  const holding = gateways.filter((gateway) => carries(gateway, cluster));
  if (holding.some(({ alive }) => alive)) return 'open';
  return holding.some(({ node }) => verdicts.get(node) !== 'silent') ? 'closing' : 'gone';
}
