import type { showClustersSpec } from '../config/specs/show-clusters.ts';
import { membersOf, readBroker } from '../membership/members.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { membersListing } from './members-listing.ts';
import { openBrokerOf } from './open-broker-of.ts';
import { showListing } from './show-listing.ts';

export const runShowClusters: Run<typeof showClustersSpec> = async (values, context) => {
  using broker = await openBrokerOf(values, context);
  const look = async () => membersOf(await readBroker(broker.store, broker.namespace), systemClock.now());
  return await showListing(membersListing, look, values, context);
};
