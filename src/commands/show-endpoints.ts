import { Kinds } from '../api/kinds.ts';
import { Label, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { showEndpointsSpec } from '../config/specs/show-endpoints.ts';
import { listOrNone } from '../membership/members.ts';
import { systemClock } from '../runtime/clock.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import type { Run } from './command.ts';
import { endpointStatuses } from './gateway-status.ts';
import { endpointsListing } from './gateways-listing.ts';
import { openBrokerOf } from './open-broker-of.ts';
import { openCluster } from './open-cluster.ts';
import { gatewaysOf } from './show-gateways.ts';
import { showListing } from './show-listing.ts';

export const runShowEndpoints: Run<typeof showEndpointsSpec> = async (values, context) => {
  using member = await openCluster(values.kubeconfig, context);
  using broker = await openBrokerOf(values, context);
  let isAway = false;
  const look = async () => {
    const gateways = await gatewaysOf(member.store);
    try {
      const records = await endpointsIn(broker.store, broker.namespace);
      isAway = false;
      return endpointStatuses(records, gateways, 'broker', systemClock.now());
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (!isAway)
        context.stderr.write(`${error.message}; these are the copies of ${member.store.location}\n`);
      isAway = true;
      const copies = await endpointsIn(member.store, SYSTEM_NAMESPACE);
      return endpointStatuses(copies, gateways, 'copies', systemClock.now());
    }
  };
  return await showListing(endpointsListing, look, values, context);
};

const endpointsIn = (store: ObjectStore, namespace: string) =>
  listOrNone(store, Kinds.TunnelEndpoint, { namespace, labelExists: [Label.sourceCluster] });
