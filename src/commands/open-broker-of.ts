import type { ClusterId } from '../api/identity.ts';
import { connectBroker } from '../membership/broker-connection.ts';
import { storedCredentials } from '../membership/credentials.ts';
import type { ObjectStore } from '../store/store.ts';
import { memberClusterId } from './cluster-id.ts';
import type { Context } from './command.ts';
import { operatorLogging } from './logging.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

interface BrokerOfValues {
  readonly kubeconfig: string | undefined;
  readonly brokerKubeconfig: string | undefined;
  readonly brokerNamespace: string;
}

/** Where the records are. */
interface Broker {
  readonly store: ObjectStore;
  readonly namespace: string;
}

/** The broker as a member reaches it, or by a kubeconfig of its own. Close it by `using`. */
export async function openBrokerOf(values: BrokerOfValues, context: Context): Promise<Broker & Disposable> {
  if (values.brokerKubeconfig !== undefined) return await brokerByItself(values, context);
  using member = await openCluster(values.kubeconfig, context);
  const { broker } = await joinedBroker(member.store, context);
  return broker;
}

/** A member, what it is called, and its broker. Close it by `using`. */
export async function openMemberAndBroker(
  values: BrokerOfValues & { readonly clusterId: ClusterId | undefined },
  context: Context,
): Promise<
  { readonly member: ObjectStore; readonly cluster: ClusterId; readonly broker: Broker } & Disposable
> {
  using opened = new DisposableStack();
  const member = opened.use(await openCluster(values.kubeconfig, context));
  const { cluster, broker } =
    values.brokerKubeconfig === undefined
      ? await joinedBroker(member.store, context)
      : {
          cluster: await memberClusterId(member.store, values.clusterId, operatorLogging(context)('cluster')),
          broker: await brokerByItself(values, context),
        };
  opened.use(broker);
  const all = opened.move();
  return { member: member.store, cluster, broker, [Symbol.dispose]: () => all.dispose() };
}

async function brokerByItself(
  { brokerKubeconfig, brokerNamespace }: BrokerOfValues,
  context: Context,
): Promise<Broker & Disposable> {
  const broker = await openCluster(brokerKubeconfig, context);
  return {
    store: broker.store,
    namespace: brokerNamespace,
    [Symbol.dispose]: () => broker[Symbol.dispose](),
  };
}

async function joinedBroker(
  member: ObjectStore,
  context: Context,
): Promise<{ readonly cluster: ClusterId; readonly broker: Broker & Disposable }> {
  const credentials = await storedCredentials(member);
  if (credentials === undefined) {
    throw new UserError(
      `${member.location} is no member of a clusterset (it has no Secret pharos-system/pharos-broker); ` +
        'name a member by --kubeconfig, or the broker by --broker-kubeconfig',
    );
  }
  const { store } = connectBroker(member, credentials, { log: operatorLogging(context)('store') });
  return {
    cluster: credentials.cluster,
    broker: { store, namespace: credentials.namespace, [Symbol.dispose]: () => store.close() },
  };
}
