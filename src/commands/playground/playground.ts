import { isDeepStrictEqual } from 'node:util';
import { Kinds } from '../../api/kinds.ts';
import type { Cidr } from '../../api/cidr.ts';
import type { ClusterId } from '../../api/identity.ts';
import { Label } from '../../api/names.ts';
import type { ListenAddress } from '../../config/listen-address.ts';
import type { Log } from '../../observability/log.ts';
import type { MetricSource } from '../../observability/metric-source.ts';
import { labelled } from '../../observability/metrics.ts';
import type { Clock } from '../../runtime/clock.ts';
import {
  type ClusterFolders,
  followClusterFolders,
  listClusterFolders,
} from '../../store/directory-clusters.ts';
import type { ManifestProblem } from '../../store/directory-problem.ts';
import { MemoryStore } from '../../store/memory.ts';
import type { ObjectStore } from '../../store/store.ts';
import type { Reach } from '../../zone/reachability.ts';
import type { ZoneOptions } from '../../zone/zone.ts';
import { PlaygroundCluster } from './cluster.ts';
import { type Overview, takeOverview } from './overview.ts';

export interface PlaygroundOptions {
  readonly root: string;
  /** Of the first cluster; each further one gets the next port. Port 0 = any, for each. */
  readonly dnsListen: ListenAddress;
  readonly zone: Omit<ZoneOptions, 'ownCluster'>;
  /** Absent = direct mode. */
  readonly clustersetCidrs?: readonly Cidr[];
  readonly clock: Clock;
  readonly logging: (component: string, fields?: object) => Log;
  /** Called soon after something may have changed. Must not throw. */
  readonly onChange: () => void;
}

/** How often to look again whether all agents have come to rest, at most. */
const SETTLE_ROUNDS = 50;

/** All clusters of a folder in one process, with a broker in memory between them. */
export class Playground {
  readonly #options: PlaygroundOptions;
  readonly #broker: MemoryStore;
  readonly #clusters = new Map<ClusterId, PlaygroundCluster>();
  readonly #slots: (ClusterId | undefined)[] = []; // offset of the port → cluster that has it
  #following: Disposable | undefined;
  /** Folders that are no clusters. */
  #folderProblems: readonly ManifestProblem[] = [];
  #updating: Promise<void> = Promise.resolve();

  private constructor(options: PlaygroundOptions) {
    this.#options = options;
    this.#broker = new MemoryStore({ location: 'the broker', clock: options.clock });
  }

  /**
   * Resolves when every cluster's DNS server answers from the complete state.
   * @throws StoreError where the folder cannot be read; ListenError where a port cannot be had
   */
  static async start(options: PlaygroundOptions): Promise<Playground> {
    const playground = new Playground(options);
    const { root, clock } = options;
    const { clusters, problems } = await listClusterFolders(root);
    playground.#folderProblems = problems;
    const openedAt = clock.now();
    try {
      await Promise.all(clusters.map((id) => playground.#join(id, openedAt)));
      await playground.#settle();
      for (const id of clusters) await playground.#listen(id);
    } catch (error) {
      await playground.close();
      throw error;
    }
    playground.#following = followClusterFolders(root, clock, (found) => {
      playground.#updating = playground.#update(found);
      return playground.#updating;
    });
    return playground;
  }

  /** Sorted by id. */
  get clusters(): readonly PlaygroundCluster[] {
    return [...this.#clusters.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get broker(): ObjectStore {
    return this.#broker;
  }

  overview(): Promise<Overview> {
    return takeOverview(this.clusters, this.problems, this.#options.zone.origins?.[0] ?? '');
  }

  /** Manifests and folders to mend, each file below the folder of its cluster. */
  get problems(): readonly ManifestProblem[] {
    return [
      ...this.#folderProblems,
      ...this.clusters.flatMap(({ id, store }) =>
        store.loaded.problems.map((problem) => ({ ...problem, file: `${id}/${problem.file}` })),
      ),
    ];
  }

  metrics(): readonly MetricSource[] {
    return labelled('cluster', new Map(this.clusters.map((cluster) => [cluster.id, cluster.metrics()])));
  }

  /** Cuts a cluster off from the broker and from all others, or ends that. Answers whether it exists. */
  setConnected(id: string, connected: boolean): boolean {
    const cluster = this.clusters.find((cluster) => cluster.id === id);
    if (cluster === undefined) return false;
    if (connected) cluster.reconnect();
    else cluster.disconnect();
    this.#updateReachability();
    this.#options.onChange();
    return true;
  }

  async close(): Promise<void> {
    this.#following?.[Symbol.dispose]();
    await this.#updating;
    await Promise.all(this.clusters.map((cluster) => cluster.close()));
  }

  async #join(id: ClusterId, openedAt?: number): Promise<void> {
    const { root, zone, clustersetCidrs, clock, logging, onChange } = this.#options;
    const cluster = await PlaygroundCluster.open({
      root,
      id,
      broker: this.#broker,
      zone,
      clock,
      logging,
      onLoaded: onChange,
      ...(clustersetCidrs && { clustersetCidrs }),
      ...(openedAt !== undefined && { openedAt }),
    });
    cluster.zone.subscribe(onChange);
    this.#clusters.set(id, cluster);
    this.#updateReachability();
  }

  async #listen(id: ClusterId): Promise<void> {
    const { address, port } = this.#options.dnsListen;
    const free = this.#slots.indexOf(undefined);
    const slot = free === -1 ? this.#slots.length : free;
    this.#slots[slot] = id;
    await this.#clusters.get(id)?.listen({ address, port: port === 0 ? 0 : port + slot });
  }

  async #update({ clusters: found, problems }: ClusterFolders): Promise<void> {
    if (!isDeepStrictEqual(problems, this.#folderProblems)) {
      this.#folderProblems = problems;
      this.#options.onChange();
    }
    for (const id of this.#clusters.keys()) if (!found.includes(id)) await this.#leave(id);
    for (const id of found) {
      if (this.#clusters.has(id)) continue;
      try {
        await this.#join(id);
        await this.#clusters.get(id)?.agent.synced;
        await this.#listen(id);
      } catch (err) {
        this.#options
          .logging('playground')
          .error({ cluster: id, err }, 'A new cluster cannot be run in full');
      }
      this.#options.onChange();
    }
  }

  /** Leaving is for good, unlike stopping: what the cluster exported is withdrawn. */
  async #leave(id: ClusterId): Promise<void> {
    await this.#clusters.get(id)?.close();
    this.#clusters.delete(id);
    const slot = this.#slots.indexOf(id);
    if (slot !== -1) this.#slots[slot] = undefined;
    for (const kind of [Kinds.ServiceImport, Kinds.EndpointSlice]) {
      const records = await this.#broker.list(kind as typeof Kinds.ServiceImport, {
        labels: { [Label.sourceCluster]: id },
      });
      for (const { metadata } of records) await this.#broker.remove(kind, metadata);
    }
    this.#updateReachability();
    this.#options.onChange();
  }

  #updateReachability(): void {
    const { clusters } = this;
    for (const { id, zone, isConnected } of clusters) {
      const others = clusters.filter((other) => other.id !== id);
      const states = others.map((other): [string, Reach] => {
        const cut = isConnected ? (other.isConnected ? undefined : other.id) : id;
        return cut === undefined
          ? [other.id, { reachable: true }]
          : [other.id, { reachable: false, reason: `cluster ${cut} is disconnected` }];
      });
      zone.setReachability(states.every(([, { reachable }]) => reachable) ? 'all' : new Map(states));
    }
  }

  /** Until the agents have nothing left to do and the zones have all that they wrote. */
  async #settle(): Promise<void> {
    const { clusters } = this;
    await Promise.all(clusters.map(({ agent }) => agent.synced));
    let before = '';
    for (let round = 0; round < SETTLE_ROUNDS; round++) {
      for (const { agent } of clusters) await agent.idle();
      const serials = clusters.map(({ zone }) => zone.serial).join();
      if (serials === before && clusters.every(({ zone }) => zone.synced)) return;
      before = serials;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
