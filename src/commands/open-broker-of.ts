import { connectBroker } from '../membership/broker-connection.ts';
import { storedCredentials } from '../membership/credentials.ts';
import { createLogging } from '../observability/logger.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Context } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

/** The broker as a member reaches it, or by a kubeconfig of its own. Close it by `using`. */
export async function openBrokerOf(
  values: {
    readonly kubeconfig: string | undefined;
    readonly brokerKubeconfig: string | undefined;
    readonly brokerNamespace: string;
  },
  context: Context,
): Promise<{ readonly store: ObjectStore; readonly namespace: string } & Disposable> {
  if (values.brokerKubeconfig !== undefined) {
    const broker = await openCluster(values.brokerKubeconfig, context);
    return {
      store: broker.store,
      namespace: values.brokerNamespace,
      [Symbol.dispose]: () => broker[Symbol.dispose](),
    };
  }
  using member = await openCluster(values.kubeconfig, context);
  const credentials = await storedCredentials(member.store);
  if (credentials === undefined) {
    throw new UserError(
      `${member.store.location} is no member of a clusterset (it has no Secret pharos-system/pharos-broker); ` +
        'name a member by --kubeconfig, or the broker by --broker-kubeconfig',
    );
  }
  const logging = createLogging({
    level: 'warn',
    format: 'pretty',
    colour: false,
    write: (line) => context.stderr.write(line),
  });
  const { store } = connectBroker(member.store, credentials, { log: logging('store') });
  return { store, namespace: credentials.namespace, [Symbol.dispose]: () => store.close() };
}
