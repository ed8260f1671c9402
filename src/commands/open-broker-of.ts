import type { ClusterId } from '../api/identity.ts';
import { connectBroker } from '../membership/broker-connection.ts';
import { storedCredentials } from '../membership/credentials.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
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

/** The broker alone. Close it by `using`. */
export async function openBrokerOf(values: BrokerOfValues, context: Context): Promise<Broker & Disposable> {
  if (values.brokerKubeconfig !== undefined) return await brokerByItself(values, context);
  using opened = new DisposableStack();
  const member = opened.use(await openCluster(values.kubeconfig, context));
  const broker = opened.use(await joinedBroker(member.store, context));
  const all = opened.move();
  return { ...broker, [Symbol.dispose]: () => all.dispose() };
}

/**
 * A member, what it is called, and its broker as the member reaches it, or by a kubeconfig of its own; or why that
 * cannot be read. Close it by `using`.
 */
export async function openMemberAndBroker(
  values: BrokerOfValues & { readonly clusterId: ClusterId | undefined },
  context: Context,
): Promise<
  {
    readonly member: ObjectStore;
    readonly cluster: ClusterId;
    readonly broker: Broker | string;
  } & Disposable
> {
  using opened = new DisposableStack();
  const { store: member } = opened.use(await openCluster(values.kubeconfig, context));
  // That must not be read by everybody.
  const joined = await storedCredentials(member).catch(() => undefined);
  const cluster = await memberClusterId(
    member,
    values.clusterId ?? joined?.cluster,
    operatorLogging(context)('cluster'),
  );
  let broker: Broker | string;
  try {
    broker = opened.use(
      values.brokerKubeconfig === undefined
        ? await joinedBroker(member, context)
        : await brokerByItself(values, context),
    );
  } catch (error) {
    if (!(error instanceof UserError || error instanceof StoreError)) throw error;
    broker = error.message;
  }
  const all = opened.move();
  return { member, cluster, broker, [Symbol.dispose]: () => all.dispose() };
}

async function brokerByItself(
  { brokerKubeconfig, brokerNamespace }: BrokerOfValues,
  context: Context,
): Promise<Broker & Disposable> {
  return { ...(await openCluster(brokerKubeconfig, context)), namespace: brokerNamespace };
}

/** Needs the member for as long as it is open: the Secret is read again when the broker refuses the token. */
export async function joinedBroker(member: ObjectStore, context: Context): Promise<Broker & Disposable> {
  const credentials = await storedCredentials(member);
  if (credentials === undefined) {
    throw new UserError(
      `${member.location} is no member of a clusterset (it has no Secret pharos-system/pharos-broker); ` +
        'name a member by --kubeconfig, or the broker by --broker-kubeconfig',
    );
  }
  const { store } = connectBroker(member, credentials, { log: operatorLogging(context)('store') });
  return { store, namespace: credentials.namespace, [Symbol.dispose]: () => store.close() };
}
