import { systemClock } from '../runtime/clock.ts';
import { KubeTransport } from '../store/kube-transport.ts';
import type { KubernetesOptions } from '../store/kubernetes.ts';
import { KubernetesStore } from '../store/kubernetes.ts';
import type { ObjectStore } from '../store/store.ts';
import type { BrokerCredentials } from './credentials.ts';
import { parseCredentials, readCredentialsSecret } from './credentials.ts';

/** A member's way to its broker. */
export interface BrokerConnection {
  readonly store: KubernetesStore;
  /**
   * Every request from now on carries these. The server stays the one that was connected to: a broker that
   * moved needs a new connection.
   */
  readonly use: (credentials: BrokerCredentials) => void;
}

/**
 * Connects a member to its broker. Nothing is sent yet. When the broker refuses the token, the Secret in
 * `member` is read again before the request is given up: another replica may have renewed it.
 */
export function connectBroker(
  member: ObjectStore,
  credentials: BrokerCredentials,
  options: Omit<KubernetesOptions, 'kubeconfig'>,
): BrokerConnection {
  let current = credentials;
  const access = {
    server: new URL(credentials.address.server),
    options: async () => {
      const { certificateAuthority, tlsServerName } = current.address;
      return {
        headers: { authorization: `Bearer ${current.token.reveal()}` },
        ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
        ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
      };
    },
    reload: async () => {
      current = parseCredentials(await readCredentialsSecret(member));
    },
  };
  return {
    store: new KubernetesStore(new KubeTransport(access, options.clock ?? systemClock), options),
    use: (newer) => {
      current = newer;
    },
  };
}
