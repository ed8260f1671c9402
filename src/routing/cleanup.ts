import { applyIpSteps } from '../host/ip-steps.ts';
import { type NftFamily, applyNft, hasOurNftTable, nft } from '../host/nft.ts';
import type { Run } from '../host/run.ts';
import type { LooseFilter } from './loose-filter.ts';
import { readRoutingState } from './read-routing-state.ts';
import { EMPTY_STATE, routingSteps } from './routing-state.ts';

const FAMILIES: readonly NftFamily[] = ['inet', 'ip', 'ip6'];

/** Takes all of the route agent's out of this host, found by its marks with no memory of it, and nothing else. */
export async function removeRouting(run: Run, loose: LooseFilter): Promise<void> {
  const state = await readRoutingState(run, ['IPv4', 'IPv6']);
  await applyIpSteps(run, routingSteps(state, EMPTY_STATE));
  for (const family of FAMILIES) {
    if (!(await hasOurNftTable(run, family))) continue;
    const name = { inet: nft`inet`, ip: nft`ip`, ip6: nft`ip6` }[family];
    await applyNft(run, nft`delete table ${name} pharos`);
  }
  await loose.restore();
}
