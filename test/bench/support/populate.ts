/** Puts the services into an API server, as an agent would have. */
import { Kinds } from '../../../src/api/kinds.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { openKubernetesStore } from '../../../src/store/kubernetes.ts';
import type { ApiServer } from '../../lab/api-server.ts';
import { type benchServices, NAMESPACES, objectsOf } from './services.ts';

/** Requests on their way at a time. */
const AT_ONCE = 16;

export async function populate(api: ApiServer, services: ReturnType<typeof benchServices>): Promise<void> {
  await api.apply(
    Array.from({ length: NAMESPACES }, (_, n) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: `ns${n}` },
    })),
  );
  const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
  const left = services.values();
  const work = async (): Promise<void> => {
    for (const service of left) {
      const [serviceImport, slice] = objectsOf(service);
      await store.apply(Kinds.ServiceImport, serviceImport);
      await store.apply(Kinds.EndpointSlice, slice);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  store.close();
}
