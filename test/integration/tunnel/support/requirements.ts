import { type Package, refuse, requirePackages } from '../../../lab/packages.ts';

/** Why tests with nodes' kernels cannot run here; undefined where they can. */
export async function whyNoTunnels(packages: readonly Package[]): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return refuse('network namespaces take root');
  return requirePackages(['iproute2', 'nftables', ...packages]);
}
