/** What people and controllers do in a member cluster, at random and repeatable by the seed. */
import { Kinds } from '../../../src/api/kinds.ts';
import { Label } from '../../../src/api/names.ts';
import type { EndpointSlice, Service, ServiceExport } from '../../../src/api/objects.ts';
import type { ObjectStore } from '../../../src/store/store.ts';
import type { Random } from '../../fuzz/random.ts';

export const NAMESPACE = 'shop';

type Variant = 'clusterIp' | 'otherPort' | 'headless';
const VARIANTS: readonly Variant[] = ['clusterIp', 'otherPort', 'headless'];

export const service = (name: string, variant: Variant): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    ...(variant === 'headless' && { clusterIP: 'None' }),
    ports: [{ name: 'http', protocol: 'TCP', port: variant === 'otherPort' ? 8080 : 80 }],
  },
});

export const serviceExport = (name: string): ServiceExport => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: { name, namespace: NAMESPACE },
});

export const slice = (name: string, addresses: readonly string[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${name}-a`, namespace: NAMESPACE, labels: { [Label.ownServiceName]: name } },
  addressType: 'IPv4',
  endpoints: addresses.map((address, at) => ({ addresses: [address], conditions: { ready: at !== 1 } })),
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
});

/** One step of somebody who does as he likes with these services. */
export async function step(store: ObjectStore, services: readonly string[], random: Random): Promise<void> {
  const name = random.of(services);
  const ref = { name, namespace: NAMESPACE };
  switch (random.below(8)) {
    case 0: {
      // The API server keeps a Service's address for its lifetime.
      await store.remove(Kinds.Service, ref);
      await store.apply(Kinds.Service, service(name, random.of(VARIANTS)));
      break;
    }
    case 1:
      await store.remove(Kinds.Service, ref);
      break;
    case 2:
    case 3:
      await store.apply(Kinds.ServiceExport, serviceExport(name));
      break;
    case 4:
      await store.remove(Kinds.ServiceExport, ref);
      break;
    case 5:
    case 6: {
      const pods = Array.from(
        { length: random.below(4) },
        () => `10.1.${random.below(4)}.${random.below(200)}`,
      );
      await store.apply(Kinds.EndpointSlice, slice(name, [...new Set(pods)]));
      break;
    }
    default:
      await edit(store, name, random);
  }
}

/** Hands that undo what the agent did. */
async function edit(store: ObjectStore, name: string, random: Random): Promise<void> {
  if (random.once(2)) {
    await store.remove(Kinds.ServiceImport, { name, namespace: NAMESPACE });
    return;
  }
  const labels = { [Label.serviceName]: name };
  const [found] = await store.list(Kinds.EndpointSlice, { namespace: NAMESPACE, labels });
  if (found === undefined) return;
  if (random.once(2)) await store.remove(Kinds.EndpointSlice, found.metadata);
  else {
    const { apiVersion, kind, addressType, metadata } = found;
    await store.apply(Kinds.EndpointSlice, {
      apiVersion,
      kind,
      addressType,
      metadata: { name: metadata.name, namespace: NAMESPACE, labels: metadata.labels ?? {} },
      endpoints: addressType === 'IPv4' ? [{ addresses: ['10.6.6.6'] }] : [],
      ports: [],
    });
  }
}
