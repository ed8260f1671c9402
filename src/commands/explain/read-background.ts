/** Reads what is behind one service, from stores: API servers, or what a playground has. */
import { Kinds } from '../../api/kinds.ts';
import { Label } from '../../api/names.ts';
import type { BrokerObjects, Heartbeat, ServiceObjects } from '../../explain/background.ts';
import type { ServiceName } from '../../explain/finding.ts';
import { membersOf } from '../../membership/members.ts';
import type { ObjectStore } from '../../store/store.ts';

type Reader = Pick<ObjectStore, 'get' | 'list'>;

/** @throws StoreError */
export async function readServiceObjects(
  store: Reader,
  cluster: string,
  { namespace, service: name }: ServiceName,
): Promise<ServiceObjects> {
  const ref = { namespace, name };
  const [home, service, serviceExport, serviceImport, slices] = await Promise.all([
    store.get(Kinds.Namespace, { name: namespace }),
    store.get(Kinds.Service, ref),
    store.get(Kinds.ServiceExport, ref),
    store.get(Kinds.ServiceImport, ref),
    store.list(Kinds.EndpointSlice, { namespace, labels: { [Label.ownServiceName]: name } }),
  ]);
  return {
    cluster,
    hasNamespace: home !== undefined && home.metadata.deletionTimestamp === undefined,
    service,
    serviceExport,
    slices,
    serviceImport,
  };
}

/**
 * @param now milliseconds since 1970
 * @throws StoreError
 */
export async function readBrokerObjects(
  broker: Reader,
  brokerNamespace: string,
  { namespace, service }: ServiceName,
  now: number,
): Promise<BrokerObjects> {
  const ofService = {
    namespace: brokerNamespace,
    labels: { [Label.serviceName]: service, [Label.sourceNamespace]: namespace },
    labelExists: [Label.sourceCluster],
  };
  const [records, slices, leases] = await Promise.all([
    broker.list(Kinds.ServiceImport, ofService),
    broker.list(Kinds.EndpointSlice, ofService),
    broker.list(Kinds.Lease, { namespace: brokerNamespace, labelExists: [Label.sourceCluster] }),
  ]);
  const members = membersOf({ identities: [], leases, records: [], drained: new Map() }, now);
  return {
    namespace: brokerNamespace,
    records,
    slices,
    heartbeats: new Map(
      members.flatMap(({ cluster, lastSeen, state }): [string, Heartbeat][] =>
        lastSeen === undefined ? [] : [[cluster, { renewed: lastSeen, isSilent: state === 'silent' }]],
      ),
    ),
  };
}
