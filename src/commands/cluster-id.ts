import type { ClusterId } from '../api/identity.ts';
import { clusterIdOf } from '../membership/cluster-id.ts';
import type { Log } from '../observability/log.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';

/**
 * What the cluster is called: as its ClusterProperty says, else as `--cluster-id` says. Where the cluster
 * cannot be asked now, or does not let us ask, the flag is believed.
 *
 * @throws Refusal where the two differ or there is neither; StoreError where there is no flag to believe
 */
export async function memberClusterId(
  member: ObjectStore,
  given: ClusterId | undefined,
  log: Log,
): Promise<ClusterId> {
  try {
    return await clusterIdOf(member, given);
  } catch (error) {
    if (!(error instanceof StoreError) || given === undefined) throw error;
    log.debug({ err: error, cluster: given }, 'The ClusterProperty cannot be read; going by --cluster-id');
    return given;
  }
}
