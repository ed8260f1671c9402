import { join } from 'node:path';
import type { Cidr } from '../../api/cidr.ts';
import type { ClusterId } from '../../api/identity.ts';
import { BROKER_NAMESPACE } from '../../api/names.ts';
import { Agent } from '../../discovery/agent.ts';
import { agentMetrics } from '../../discovery/metrics.ts';
import type { ListenAddress } from '../../config/listen-address.ts';
import { dnsMetrics } from '../../dns/metrics.ts';
import { type DnsServer, startDnsServer } from '../../dns/server.ts';
import type { Log } from '../../observability/log.ts';
import type { MetricSource } from '../../observability/metric-source.ts';
import type { Clock } from '../../runtime/clock.ts';
import { DirectoryStore, type Loaded } from '../../store/directory.ts';
import type { ObjectStore } from '../../store/store.ts';
import { ZoneHistory } from '../../zone/history.ts';
import { Zone, type ZoneOptions } from '../../zone/zone.ts';
import { feedZone } from '../feed-zone.ts';
import { zoneMetrics } from '../zone-metrics.ts';
import { SeverableStore } from './severable-store.ts';

export interface ClusterOptions {
  /** The folder of all clusters. */
  readonly root: string;
  readonly id: ClusterId;
  readonly broker: ObjectStore;
  readonly zone: Omit<ZoneOptions, 'ownCluster' | 'history'>;
  /** Absent = direct mode. */
  readonly clustersetCidrs?: readonly Cidr[];
  /** Creation time (ms since 1970) of objects that are there at the start and do not say. */
  readonly openedAt?: number;
  readonly clock: Clock;
  readonly logging: (component: string, fields: object) => Log;
  readonly onLoaded: (loaded: Loaded) => void;
}

/** One member of the playground: its manifests, its agent, its zone, and its DNS server once it has one. */
export class PlaygroundCluster {
  readonly id: ClusterId;
  readonly store: DirectoryStore;
  readonly agent: Agent;
  readonly zone: Zone;
  readonly #broker: SeverableStore;
  readonly #log: Log;
  readonly #feeding = new AbortController();
  readonly #fed: Promise<void>;
  #dns: DnsServer | undefined;

  private constructor(store: DirectoryStore, options: ClusterOptions) {
    const { id, clock, logging, broker, zone, clustersetCidrs } = options;
    this.id = id;
    this.store = store;
    this.#broker = new SeverableStore(broker);
    this.#log = logging('dns', { cluster: id });
    this.zone = new Zone({ ...zone, ownCluster: id, history: new ZoneHistory(() => clock.now()) });
    this.agent = new Agent({
      cluster: id,
      member: store,
      broker: this.#broker,
      brokerNamespace: BROKER_NAMESPACE,
      endpoints: 'service',
      ...(clustersetCidrs && { clustersetCidrs }),
      log: logging('agent', { cluster: id }),
      clock,
      random: Math.random,
    });
    // Who is reachable is what `disconnect` says here, not Gateway objects.
    const feed = { store, zone: this.zone, clock, log: this.#log, staleAfter: Infinity, gateways: false };
    this.#fed = feedZone(feed, this.#feeding.signal);
  }

  static async open(options: ClusterOptions): Promise<PlaygroundCluster> {
    const { root, id, clock, openedAt, onLoaded } = options;
    const store = await DirectoryStore.open({
      path: join(root, id),
      cluster: id,
      clock,
      onLoaded,
      ...(openedAt !== undefined && { openedAt }),
    });
    return new PlaygroundCluster(store, options);
  }

  /** @throws ListenError */
  async listen(address: ListenAddress): Promise<void> {
    this.#dns = await startDnsServer({ source: this.zone, listen: [address], log: this.#log });
  }

  /** Where it answers; undefined while it does not. */
  get dns(): ListenAddress | undefined {
    return this.#dns?.addresses[0];
  }

  get isConnected(): boolean {
    return !this.#broker.isCut;
  }

  disconnect(): void {
    this.#broker.cut();
  }

  reconnect(): void {
    this.#broker.mend();
  }

  metrics(): readonly MetricSource[] {
    return [
      ...agentMetrics(this.agent),
      ...zoneMetrics(this.zone),
      ...(this.#dns === undefined ? [] : dnsMetrics(this.#dns)),
    ];
  }

  async close(): Promise<void> {
    await this.#dns?.close();
    this.#feeding.abort();
    await Promise.all([this.#fed, this.agent.close()]);
    await this.store[Symbol.asyncDispose]();
  }
}
