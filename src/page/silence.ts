import { Label } from '../api/names.ts';
import type { Lease } from '../api/objects.ts';
import type { Sights } from './sights.ts';

/** For so long a heartbeat counts that does not say. */
const HEARTBEAT_SECONDS = 40;

export interface LastHeard {
  readonly lease: Lease;
  /** Whether that is longer ago than it may be. */
  readonly isSilent: boolean;
}

/**
 * id → its last heartbeat, of clusters that ever had one. Pure.
 *
 * What is not heard of while the broker is out of sight is nobody's silence.
 */
export function heardOf({ broker, now }: Pick<Sights, 'broker' | 'now'>): ReadonlyMap<string, LastHeard> {
  const at = broker?.lostAt ?? now;
  return new Map(
    (broker?.leases ?? []).flatMap((lease): [string, LastHeard][] => {
      const id = lease.metadata.labels?.[Label.sourceCluster];
      const renewed = Date.parse(lease.spec.renewTime ?? '');
      const lasts = (lease.spec.leaseDurationSeconds ?? HEARTBEAT_SECONDS) * 1000;
      return id === undefined ? [] : [[id, { lease, isSilent: !(at - renewed <= lasts) }]];
    }),
  );
}
