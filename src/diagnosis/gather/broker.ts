/** What the broker tells a member, and what only its administrator may see. */
import { type Kind, Kinds } from '../../api/kinds.ts';
import { Annotation, Label } from '../../api/names.ts';
import { ownershipPolicyName } from '../../membership/names.ts';
import { listOrNone, membersOf, readBroker } from '../../membership/members.ts';
import { groupOf, RECORD_KINDS } from '../../membership/record-kinds.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ServerQuestions } from '../../store/server-questions.ts';
import { type ObjectStore, StoreError } from '../../store/store.ts';
import { type Gatherers, NotHere, NotKnown } from '../fact-source.ts';
import type { BrokerAnswer } from '../facts.ts';
import { versionOf } from './member.ts';

type BrokerFact =
  | 'brokerVersion'
  | 'brokerAnswer'
  | 'heartbeats'
  | 'brokerLacks'
  | 'brokerPolicyLacks'
  | 'remoteExports'
  | 'brokerClusters';

export interface BrokerAccess {
  readonly store: ObjectStore & Partial<ServerQuestions>;
  readonly namespace: string;
}

interface BrokerGathererOptions {
  /** With what the member itself holds; undefined where it is no member. */
  readonly asMember: () => Promise<BrokerAccess | undefined>;
  /** With an administrator's kubeconfig, where one was given. */
  readonly asAdministrator: (() => Promise<BrokerAccess>) | undefined;
  readonly clock: Clock;
}

export function brokerGatherers({
  asMember,
  asAdministrator,
  clock,
}: BrokerGathererOptions): Pick<Gatherers, BrokerFact> {
  const joined = async (): Promise<BrokerAccess> => {
    const access = await asMember();
    if (access === undefined) throw new NotHere('the cluster is no member: see broker.joined');
    return access;
  };
  /** For what can be read only where the broker lets us: as the member, else as an administrator. */
  const open = async (answer: BrokerAnswer): Promise<BrokerAccess> => {
    if (answer.is === 'answered') return joined();
    if (asAdministrator !== undefined) return asAdministrator();
    throw new NotKnown(answer.is === 'silent' ? `not seen from here: ${answer.message}` : answer.message);
  };
  return {
    brokerVersion: async (get) => {
      const { store } = await open(await get('brokerAnswer'));
      return versionOf(store);
    },
    brokerAnswer: async () => answerOf(await joined()),
    heartbeats: async (get) => {
      const { store, namespace } = await open(await get('brokerAnswer'));
      const { leases, ...content } = await readBroker(store, namespace);
      return membersOf({ ...content, leases, identities: [] }, clock.now()).map((member) => {
        const lease = leases.find(
          ({ metadata: { labels } }) => labels?.[Label.sourceCluster] === member.cluster,
        );
        const clusterUid = lease?.metadata.annotations?.[Annotation.clusterUid];
        return {
          cluster: member.cluster,
          state: member.state,
          ...(member.lastSeen !== undefined && { lastSeen: member.lastSeen }),
          ...(member.version !== undefined && { version: member.version }),
          ...(clusterUid !== undefined && { clusterUid }),
        };
      });
    },
    brokerLacks: async (get) => {
      const { store, namespace } = await open(await get('brokerAnswer'));
      const lacking = await Promise.all(
        RECORD_KINDS.map(async ({ kind }) => {
          const isServed = await store.list(kind, { namespace }).then(
            () => true,
            (error: unknown) => {
              if (error instanceof StoreError && error.code === 'not-found') return false;
              throw error;
            },
          );
          return isServed ? [] : [`${kind.plural}.${groupOf(kind)}`];
        }),
      );
      return lacking.flat();
    },
    brokerPolicyLacks: async () => {
      if (asAdministrator === undefined) {
        throw new NotHere(
          "a member may not see it: name an administrator's kubeconfig by --broker-kubeconfig",
        );
      }
      const { store, namespace } = await asAdministrator();
      const name = ownershipPolicyName(namespace);
      const kinds: readonly Kind[] = [
        Kinds.ValidatingAdmissionPolicy,
        Kinds.ValidatingAdmissionPolicyBinding,
      ];
      const lacking = await Promise.all(
        kinds.map(async (kind) =>
          (await store.get(kind, { name })) === undefined ? [`${kind.kind} ${name}`] : [],
        ),
      );
      return lacking.flat();
    },
    remoteExports: async (get) => {
      const { store, namespace } = await open(await get('brokerAnswer'));
      const records = await store.list(Kinds.ServiceImport, {
        namespace,
        labelExists: [Label.sourceCluster],
      });
      return records.flatMap(({ metadata: { labels = {} } }) => {
        const {
          [Label.sourceCluster]: cluster,
          [Label.sourceNamespace]: home,
          [Label.serviceName]: service,
        } = labels;
        return cluster === undefined || home === undefined || service === undefined
          ? []
          : [{ cluster, namespace: home, service }];
      });
    },
    brokerClusters: async (get) => {
      const { store, namespace } = await open(await get('brokerAnswer'));
      return listOrNone(store, Kinds.Cluster, { namespace });
    },
  };
}

/** Asks for what every member may read. */
async function answerOf({ store, namespace }: BrokerAccess): Promise<BrokerAnswer> {
  try {
    await store.list(Kinds.Lease, { namespace });
    return { is: 'answered' };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const { message } = error;
    return error.code === 'forbidden' ? { is: 'refused', message } : { is: 'silent', message };
  }
}
