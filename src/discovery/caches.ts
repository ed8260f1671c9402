/** Everything that the agent watches, as caches with the look-ups that its reconcilers need. */
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import { isImported, NO_SERVICE, ownerOf, recordKey, serviceKey } from './labels.ts';

/** The key of the service that an EndpointSlice is of, by one of its labels. */
export function keyByLabel({ metadata: { namespace = '', labels } }: KubeObject, label: string): string {
  const service = labels?.[label];
  return service === undefined ? NO_SERVICE : serviceKey(namespace, service);
}

export type MemberCaches = ReturnType<typeof memberCaches>;
export type BrokerCaches = ReturnType<typeof brokerCaches>;

/** Of the agent's own cluster. */
export function memberCaches(store: ObjectStore, clock: Clock) {
  return {
    namespaces: new ObjectCache({ store, clock, kind: Kinds.Namespace }),
    services: new ObjectCache({ store, clock, kind: Kinds.Service }),
    exports: new ObjectCache({ store, clock, kind: Kinds.ServiceExport }),
    /** The Services' own slices. */
    slices: new ObjectCache({
      store,
      clock,
      kind: Kinds.EndpointSlice,
      selector: { labelExists: [Label.ownServiceName] },
      indexes: { service: (slice) => [keyByLabel(slice, Label.ownServiceName)] },
    }),
    imports: new ObjectCache({ store, clock, kind: Kinds.ServiceImport }),
    importedSlices: new ObjectCache({
      store,
      clock,
      kind: Kinds.EndpointSlice,
      selector: { labels: { [Label.managedBy]: MANAGED_BY } },
      indexes: {
        service: (slice) => (isImported(slice) ? [keyByLabel(slice, Label.serviceName)] : []),
      },
    }),
  };
}

/** Of the broker: the records of all members. */
export function brokerCaches(store: ObjectStore, namespace: string, clock: Clock) {
  const selector = { namespace, labelExists: [Label.sourceCluster] };
  // Where the broker is a member too, imports into its own namespace are no records.
  const service = (record: KubeObject): string[] => (isImported(record) ? [] : [recordKey(record)]);
  return {
    records: new ObjectCache({
      store,
      clock,
      kind: Kinds.ServiceImport,
      selector,
      indexes: {
        service,
        namespace: (record) => [ownerOf(record)?.namespace ?? ''],
        cluster: (record) => [ownerOf(record)?.cluster ?? ''],
      },
    }),
    recordSlices: new ObjectCache({
      store,
      clock,
      kind: Kinds.EndpointSlice,
      selector,
      indexes: { service },
    }),
  };
}
