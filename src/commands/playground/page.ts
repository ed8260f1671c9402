import { formatListenAddress } from '../../config/listen-address.ts';
import { LivePage } from '../../page/live-page.ts';
import type { Sights } from '../../page/sights.ts';
import { WatchedCluster } from '../../page/watched-cluster.ts';
import type { Clock } from '../../runtime/clock.ts';
import { formatProblem } from '../../store/directory-problem.ts';
import type { PlaygroundCluster } from './cluster.ts';
import type { Playground } from './playground.ts';

export interface PlaygroundPageOptions {
  readonly playground: Playground;
  /** The directory of the clusters. */
  readonly root: string;
  /** Without the final dot. */
  readonly zone: string;
  readonly clock: Clock;
}

interface Watched {
  readonly cluster: WatchedCluster;
  readonly ending: AbortController;
  readonly ended: Promise<void>;
}

/** The playground as the page shows it. */
export class PlaygroundPage {
  readonly live: LivePage;
  readonly #options: PlaygroundPageOptions;
  readonly #watched = new Map<PlaygroundCluster, Watched>();

  private constructor(options: PlaygroundPageOptions) {
    this.#options = options;
    this.#followClusters();
    this.live = new LivePage({ look: () => this.#look(), clock: options.clock });
  }

  /** Resolves when it shows what there is. */
  static async open(options: PlaygroundPageOptions): Promise<PlaygroundPage> {
    const page = new PlaygroundPage(options);
    await Promise.all([...page.#watched.values()].map(({ cluster }) => cluster.synced()));
    page.live.settle();
    return page;
  }

  /** Clusters may have come, gone, or been cut off. */
  changed(): void {
    this.#followClusters();
    this.live.changed();
  }

  async close(): Promise<void> {
    this.live.close();
    for (const { ending } of this.#watched.values()) ending.abort();
    await Promise.all([...this.#watched.values()].map(({ ended }) => ended));
  }

  #followClusters(): void {
    const { playground, clock } = this.#options;
    const present = new Set(playground.clusters);
    for (const [cluster, { ending }] of this.#watched) {
      if (present.has(cluster)) continue;
      ending.abort();
      this.#watched.delete(cluster);
    }
    for (const each of present) {
      if (this.#watched.has(each)) continue;
      const onChange = (): void => this.live?.changed();
      const cluster = new WatchedCluster({ id: each.id, store: each.store, clock, onChange });
      const ending = new AbortController();
      this.#watched.set(each, { cluster, ending, ended: cluster.run(ending.signal) });
    }
  }

  #look(): Omit<Sights, 'now'> {
    const { playground, root, zone } = this.#options;
    return {
      kind: 'playground',
      source: root,
      zone,
      broker: { leases: [], records: [], drained: undefined },
      problems: playground.problems.map(formatProblem),
      clusters: [...this.#watched].map(([{ dns, isConnected }, { cluster }]) => ({
        ...cluster.sight,
        isConnected,
        ...(dns !== undefined && { dns: formatListenAddress(dns) }),
      })),
    };
  }
}
