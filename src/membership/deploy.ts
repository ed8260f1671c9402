import { Kinds } from '../api/kinds.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';
import type { Definitions } from './definitions.ts';
import { definitionsToApply, untilServed } from './definitions.ts';
import type { Manifest } from './manifest.ts';
import { brokerManifests } from './manifests.ts';
import { Refusal } from './refusal.ts';

/**
 * What {@link brokerManifests} says for this API server as it is now. Nothing is changed.
 *
 * @param namespace the broker namespace; must be a DNS label
 * @throws Refusal where the server can't be a broker
 */
export async function planBroker(
  broker: ObjectStore,
  namespace: string,
  { serviceImport, cluster, endpoint }: Definitions,
): Promise<Manifest[]> {
  const policies = Kinds.ValidatingAdmissionPolicy;
  try {
    await broker.list(policies);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
    throw new Refusal(
      'kubernetes-too-old',
      `${broker.location} serves no ${policies.kind} (${policies.apiVersion}), without which members could ` +
        "forge each other's records; a broker needs Kubernetes 1.30 or later",
      { cause: error },
    );
  }
  return brokerManifests(namespace, await definitionsToApply(broker, [serviceImport, cluster, endpoint]));
}

/** Makes an API server a broker, or brings one up to date. A second time changes nothing. */
export async function deployBroker(
  broker: ObjectStore,
  namespace: string,
  definitions: Definitions,
  clock: Clock,
): Promise<void> {
  await applyAll(broker, await planBroker(broker, namespace, definitions));
  await untilServed(broker, [Kinds.ServiceImport, Kinds.Cluster, Kinds.TunnelEndpoint], clock);
}

/** Applies one after the other; what is there already as it should be stays untouched. */
export async function applyAll(store: ObjectStore, manifests: readonly Manifest[]): Promise<void> {
  for (const { kind, object } of manifests) await store.apply(kind, object);
}
