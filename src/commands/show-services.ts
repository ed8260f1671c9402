import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY } from '../api/names.ts';
import type { KubeObject, ServiceImport } from '../api/objects.ts';
import type { Cluster } from '../api/tunnel.ts';
import type { showServicesSpec } from '../config/specs/show-services.ts';
import { IMPORT_RULES_REF, parseImportRules } from '../discovery/import-rules.ts';
import { ownAddresses } from '../discovery/own-networks.ts';
import { type BrokerContent, membersOf, readBroker } from '../membership/members.ts';
import { systemClock } from '../runtime/clock.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import type { Run } from './command.ts';
import { openMemberAndBroker } from './open-broker-of.ts';
import { type ServiceFacts, serviceStatuses } from './service-status.ts';
import { servicesListing } from './services-listing.ts';
import { showListing } from './show-listing.ts';
import { UserError } from './user-error.ts';

export const runShowServices: Run<typeof showServicesSpec> = async (values, context) => {
  using opened = await openMemberAndBroker(values, context);
  const { member, broker, cluster } = opened;
  if (typeof broker === 'string') throw new UserError(broker);
  let onBroker: BrokerContent | undefined; // as last seen
  let isAway = false;
  const look = async () => {
    const here = await readMember(member);
    try {
      onBroker = await readBroker(broker.store, broker.namespace);
      isAway = false;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const what =
        onBroker === undefined ? 'what only the broker knows is left out' : 'its last state counts';
      if (!isAway) context.stderr.write(`${error.message}; ${what}\n`);
      isAway = true;
    }
    const now = systemClock.now();
    const own = ownAddresses(
      here.rules ?? {},
      onBroker?.records.find((record): record is Cluster => isOwnCluster(record, cluster)),
    );
    const facts = { cluster, own, ...here, ...(onBroker && { broker: factsOf(onBroker, now) }) };
    return serviceStatuses(facts, now);
  };
  return await showListing(servicesListing, look, values, context);
};

const isOwnCluster = ({ kind, metadata }: KubeObject, cluster: string): boolean =>
  kind === Kinds.Cluster.kind && metadata.name === cluster;

const factsOf = (content: BrokerContent, now: number): NonNullable<ServiceFacts['broker']> => ({
  members: membersOf(content, now),
  records: content.records.filter((record): record is ServiceImport => record.kind === 'ServiceImport'),
});

async function readMember(member: ObjectStore): Promise<Omit<ServiceFacts, 'cluster' | 'own' | 'broker'>> {
  const [namespaces, imports, slices, exports, rules] = await Promise.all([
    member.list(Kinds.Namespace),
    member.list(Kinds.ServiceImport),
    member.list(Kinds.EndpointSlice, { labels: { [Label.managedBy]: MANAGED_BY } }),
    member.list(Kinds.ServiceExport),
    member.get(Kinds.ConfigMap, IMPORT_RULES_REF),
  ]);
  return { namespaces, imports, slices, exports, ...(rules && { rules: parseImportRules(rules) }) };
}
