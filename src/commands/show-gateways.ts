import type { Gateway } from '../api/tunnel.ts';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { showConnectionsSpec } from '../config/specs/show-connections.ts';
import type { showGatewaysSpec } from '../config/specs/show-gateways.ts';
import { listOrNone } from '../membership/members.ts';
import { systemClock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Run } from './command.ts';
import { connectionStatuses, gatewayStatuses } from './gateway-status.ts';
import { connectionsListing, gatewaysListing } from './gateways-listing.ts';
import { openCluster } from './open-cluster.ts';
import { showListing } from './show-listing.ts';

export const runShowGateways: Run<typeof showGatewaysSpec> = async (values, context) => {
  using member = await openCluster(values.kubeconfig, context);
  const look = async () => gatewayStatuses(await gatewaysOf(member.store), systemClock.now());
  return await showListing(gatewaysListing, look, values, context);
};

export const runShowConnections: Run<typeof showConnectionsSpec> = async (values, context) => {
  using member = await openCluster(values.kubeconfig, context);
  const look = async () => connectionStatuses(await gatewaysOf(member.store), systemClock.now());
  return await showListing(connectionsListing, look, values, context);
};

/** The gateways of a member; none where it does not know the kind. */
export const gatewaysOf = (member: ObjectStore): Promise<Gateway[]> =>
  listOrNone(member, Kinds.Gateway, { namespace: SYSTEM_NAMESPACE });
