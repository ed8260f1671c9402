/** Which clusters can be reached: all, or those that say so here. The own cluster always can. */
export type Reachability = 'all' | ReadonlyMap<string, Reach>;

export type Reach = { readonly reachable: true } | { readonly reachable: false; readonly reason: string };

/** @returns undefined where it can be reached */
export function whyUnreachable(reachability: Reachability, cluster: string): string | undefined {
  if (reachability === 'all') return undefined;
  const known = reachability.get(cluster);
  if (known === undefined) return 'no gateway has a connection to it';
  return known.reachable ? undefined : known.reason;
}
