/** What is known of one tunnel to a cluster, as far as it matters for the choice. */
export interface Candidate {
  readonly gateway: string;
  /** Whether its probes are answered now. */
  readonly isAlive: boolean;
  /** Whether they have been for long enough to move traffic back to it. */
  readonly isSettled: boolean;
  readonly preferred: boolean;
  readonly epoch: number;
}

/**
 * The gateway of another cluster to send to: the one that cluster prefers, while it answers; else the one
 * in use, while that answers; else any that does. Undefined where none does.
 *
 * Of two that both claim to be preferred the one with the higher epoch is: the other has not yet noticed
 * that it lost its Lease.
 */
export function chooseGateway(
  candidates: readonly Candidate[],
  current: string | undefined,
): string | undefined {
  const alive = candidates.filter(({ isAlive }) => isAlive);
  const preferred = preferredOf(candidates);
  const wanted = alive.find(({ gateway }) => gateway === preferred);
  const used = alive.find(({ gateway }) => gateway === current);
  if (wanted !== undefined && (wanted.isSettled || used === undefined)) return wanted.gateway;
  return (used ?? alive.find(({ isSettled }) => isSettled) ?? alive.toSorted(byName)[0])?.gateway;
}

/** The gateway that a cluster prefers; undefined where it prefers none. */
function preferredOf(
  gateways: readonly Pick<Candidate, 'gateway' | 'preferred' | 'epoch'>[],
): string | undefined {
  return gateways
    .filter(({ preferred }) => preferred)
    .toSorted((a, b) => b.epoch - a.epoch || byName(a, b))[0]?.gateway;
}

const byName = (a: { readonly gateway: string }, b: { readonly gateway: string }): number =>
  a.gateway < b.gateway ? -1 : 1;
