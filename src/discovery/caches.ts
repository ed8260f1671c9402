/** Everything that the agent watches, as caches with the look-ups that its reconcilers need. */
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY } from '../api/names.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import { isImported, ownerOf, serviceKey } from './labels.ts';

/** The service that an EndpointSlice is of, by one of its labels. */
const byServiceLabel =
  (label: string) =>
  ({ metadata: { namespace = '', labels } }: KubeObject): string[] => {
    const service = labels?.[label];
    return service === undefined ? [] : [serviceKey(namespace, service)];
  };

export const keyOfOwn = ({ metadata: { namespace = '', name } }: KubeObject): string =>
  serviceKey(namespace, name);

const byOwner = (object: KubeObject): string[] => {
  const owner = ownerOf(object);
  return owner === undefined ? [] : [serviceKey(owner.namespace, owner.service)];
};

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
      indexes: { service: byServiceLabel(Label.ownServiceName) },
    }),
    imports: new ObjectCache({ store, clock, kind: Kinds.ServiceImport }),
    importedSlices: new ObjectCache({
      store,
      clock,
      kind: Kinds.EndpointSlice,
      selector: { labels: { [Label.managedBy]: MANAGED_BY } },
      indexes: {
        service: (slice) => (isImported(slice) ? byServiceLabel(Label.serviceName)(slice) : []),
      },
    }),
  };
}

/** Of the broker: the records of all members. */
export function brokerCaches(store: ObjectStore, namespace: string, clock: Clock) {
  const selector = { namespace, labelExists: [Label.sourceCluster] };
  const indexes = { service: byOwner };
  return {
    records: new ObjectCache({
      store,
      clock,
      kind: Kinds.ServiceImport,
      selector,
      indexes: {
        ...indexes,
        namespace: (object) => {
          const owner = ownerOf(object);
          return owner === undefined ? [] : [owner.namespace];
        },
      },
    }),
    slices: new ObjectCache({ store, clock, kind: Kinds.EndpointSlice, selector, indexes }),
  };
}
