import { Kinds } from '../api/kinds.ts';
import { Label, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Cluster, Gateway, TunnelEndpoint } from '../api/tunnel.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { Freshness } from '../runtime/freshness.ts';
import { GatewayLife } from '../runtime/gateway-life.ts';
import { ObjectCache } from '../store/cache.ts';
import type { ObjectStore } from '../store/store.ts';
import { admit, type Refusal, type Self } from './admit.ts';
import { planRecords, type RecordStep } from './plan-records.ts';
import { Pulse } from './pulse.ts';
import { ENDPOINT_LIFE_MS } from './settings.ts';

/** Records of the clusterset's members, as a store has them. */
export const recordCaches = (store: ObjectStore, namespace: string, clock: Clock) => {
  const selector = { namespace, labelExists: [Label.sourceCluster] };
  return {
    clusters: new ObjectCache({ store, kind: Kinds.Cluster, selector, clock }),
    endpoints: new ObjectCache({ store, kind: Kinds.TunnelEndpoint, selector, clock }),
  };
};
export type RecordCaches = ReturnType<typeof recordCaches>;

export interface RecordSyncOptions {
  readonly self: Self;
  /** This cluster's own record, as it should be on the broker. */
  readonly own: Cluster;
  readonly member: ObjectStore;
  readonly broker: ObjectStore;
  readonly brokerNamespace: string;
  readonly copies: RecordCaches;
  readonly gateways: ObjectCache<Gateway>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Silence shows by nothing that happens: it is looked for. */
const LOOK_EVERY_MS = 5000;
/** Changes that come together are taken together. */
const PAUSE_MS = 10;

/** What the gateway that leads does for its cluster, while it leads: level-triggered, from both sides' lists. */
export class RecordSync {
  readonly #options: RecordSyncOptions;
  #refused: readonly Refusal[] = [];

  constructor(options: RecordSyncOptions) {
    this.#options = options;
  }

  /** Records on the broker that were not taken, as of the last look. */
  get refused(): readonly Refusal[] {
    return this.#refused;
  }

  /** Until `signal` aborts. Never rejects. What is written stays. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, brokerNamespace, copies, gateways, clock, log } = this.#options;
    const records = recordCaches(broker, brokerNamespace, clock);
    const endpointLife = new Freshness(clock, ENDPOINT_LIFE_MS);
    const gatewayLife = new GatewayLife(clock);
    gatewayLife.setSight(gateways.interruption === undefined);
    const isAlive = (record: TunnelEndpoint | Gateway): boolean =>
      record.kind === 'Gateway'
        ? gatewayLife.isAlive(record)
        : endpointLife.isAlive(record.metadata.name, record.spec.heartbeat);
    const pulse = new Pulse({
      name: 'records',
      beat: () => this.#beat(records, isAlive),
      everyMs: LOOK_EVERY_MS,
      pauseMs: PAUSE_MS,
      clock,
      log,
    });
    const caches = [records.clusters, records.endpoints, copies.clusters, copies.endpoints, gateways];
    const unsubscribe = [
      ...caches.map((cache) => cache.onChange(() => pulse.touch())),
      records.endpoints.onSight((isInSight) => endpointLife.setSight(isInSight)),
      gateways.onSight((isInSight) => gatewayLife.setSight(isInSight)),
    ];
    for (const cache of caches) void cache.synced.then(() => pulse.touch());
    await Promise.all([records.clusters.run(signal), records.endpoints.run(signal), pulse.run(signal)]);
    for (const end of unsubscribe) end();
    this.#refused = [];
  }

  async #beat(records: RecordCaches, isAlive: (record: TunnelEndpoint | Gateway) => boolean): Promise<void> {
    const { self, own, copies, gateways } = this.#options;
    const caches = [records.clusters, records.endpoints, copies.clusters, copies.endpoints, gateways];
    // What is not in yet is not gone.
    if (!caches.every((cache) => cache.isSynced)) return;
    const admitted = admit(self, [...records.clusters.values()], [...records.endpoints.values()]);
    this.#refused = admitted.refused;
    const steps = planRecords({
      cluster: self.cluster,
      leader: self.gateway,
      admitted,
      own,
      ownOnBroker: records.clusters.get(`${own.metadata.namespace}/${own.metadata.name}`),
      ownEndpoints: [...records.endpoints.values()].filter(
        ({ metadata, spec }) =>
          metadata.labels?.[Label.sourceCluster] === self.cluster && spec.clusterId === self.cluster,
      ),
      clusterCopies: [...copies.clusters.values()],
      endpointCopies: [...copies.endpoints.values()],
      gateways: [...gateways.values()],
      isAlive,
    });
    const outcomes = await Promise.allSettled(steps.map((step) => this.#do(step)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #do(step: RecordStep): Promise<void> {
    const { member, broker, brokerNamespace, copies, gateways } = this.#options;
    switch (step.op) {
      case 'apply': {
        const store = step.to === 'member' ? member : broker;
        if (step.object.kind === 'Cluster') {
          const written = await store.apply(Kinds.Cluster, step.object);
          if (step.to === 'member') copies.clusters.wrote(written);
        } else {
          const written = await store.apply(Kinds.TunnelEndpoint, step.object);
          if (step.to === 'member') copies.endpoints.wrote(written);
        }
        break;
      }
      case 'remove': {
        const namespace = step.from === 'member' ? SYSTEM_NAMESPACE : brokerNamespace;
        await (step.from === 'member' ? member : broker).remove(step.kind, { name: step.name, namespace });
        break;
      }
      case 'bury': {
        const { gateway } = step;
        const status = { ...gateway.status, haStatus: 'passive' as const, connections: [] };
        gateways.wrote(await member.applyStatus(Kinds.Gateway, { ...gateway, status }));
        break;
      }
      default:
        step satisfies never;
    }
  }
}
