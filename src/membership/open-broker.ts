import type { ClusterId } from '../api/identity.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KubernetesStore } from '../store/kubernetes.ts';
import type { ObjectStore } from '../store/store.ts';
import { connectBroker } from './broker-connection.ts';
import { storedCredentials } from './credentials.ts';
import { keepCredentials } from './keep-credentials.ts';
import { Refusal } from './refusal.ts';

export interface OpenBrokerOptions {
  /** The member's own cluster, where joining left the credentials. */
  readonly member: ObjectStore;
  /** As what this process acts. */
  readonly cluster: ClusterId;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Asked before each write to the broker, but for Leases; false = it is not sent. */
  readonly mayWrite?: () => boolean;
}

/** The broker that a cluster joined. */
export interface JoinedBroker {
  readonly store: KubernetesStore;
  /** Where the records are on it. */
  readonly namespace: string;
  /**
   * Keeps the access alive until `signal` aborts; never rejects.
   *
   * @param mayRenew whether this replica leads: the others only follow what the leader renewed
   */
  keep(mayRenew: () => boolean, signal: AbortSignal): Promise<void>;
}

/**
 * The broker that this cluster is a member of, or undefined where it never joined one. Nothing is sent to
 * the broker yet.
 *
 * @throws Refusal where it joined under another id; StoreError where its own API server does not answer
 */
export async function openJoinedBroker(options: OpenBrokerOptions): Promise<JoinedBroker | undefined> {
  const { member, cluster, log } = options;
  const credentials = await storedCredentials(member);
  if (credentials === undefined) return undefined;
  if (credentials.cluster !== cluster) {
    throw new Refusal(
      'id-differs',
      `${member.location} joined its broker as "${credentials.cluster}", this process acts as "${cluster}"; ` +
        'leave --cluster-id out, or run "pharos leave" and "pharos join" to change the id',
    );
  }
  const { store, use } = connectBroker(member, credentials, options);
  return {
    store,
    namespace: credentials.namespace,
    keep: (mayRenew, signal) =>
      keepCredentials({ ...options, issuer: store, mayRenew, onCredentials: use, log }, signal),
  };
}
