import { userPath } from '../config/environment.ts';
import type { Values } from '../config/flag.ts';
import type { dnsSpec } from '../config/specs/dns.ts';
import type { Log } from '../observability/log.ts';
import type { MetricSource } from '../observability/metric-source.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Loaded } from '../store/directory.ts';
import { formatProblem } from '../store/directory-problem.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Context } from './command.ts';
import { redisMetrics } from './redis-metrics.ts';
import { storeMetrics } from './store-metrics.ts';
import { UserError } from './user-error.ts';

export type DnsValues = Values<typeof dnsSpec>;

/** Where the DNS server reads from. */
export interface OpenedStore {
  readonly store: ObjectStore;
  /** Logs what is wrong with it, now and from now on. */
  tellProblems(): void;
  readonly kubernetes: boolean;
  readonly metrics: readonly MetricSource[];
  close(): Promise<void>;
}

/** @throws Error for the user where the store cannot be opened at all */
export async function openDnsStore(
  { store: url, kubeconfig, clusterId }: DnsValues,
  { environment }: Context,
  log: Log,
): Promise<OpenedStore> {
  switch (url.type) {
    case 'directory': {
      const { DirectoryStore } = await import('../store/directory.ts');
      let onLoaded = (_loaded: Loaded): void => {};
      const store = await DirectoryStore.open({
        path: userPath(environment, url.path),
        cluster: clusterId ?? '',
        clock: systemClock,
        onLoaded: (loaded) => onLoaded(loaded),
      });
      return {
        store,
        kubernetes: false,
        metrics: [],
        tellProblems() {
          let told = new Set<string>();
          onLoaded = ({ problems }) => {
            const lines = new Set(problems.map(formatProblem));
            for (const problem of lines) {
              if (!told.has(problem)) log.warn({ problem }, 'A manifest must be mended');
            }
            told = lines;
          };
          onLoaded(store.loaded);
        },
        close: () => store[Symbol.asyncDispose](),
      };
    }
    case 'kubernetes': {
      // Loading the client takes most of a second and 90 MB, which only this store is worth.
      const { openKubernetesStore } = await import('../store/kubernetes.ts');
      const store = await openKubernetesStore({
        log,
        ...(kubeconfig !== undefined && { kubeconfig: userPath(environment, kubeconfig) }),
      });
      const metrics = storeMetrics({ member: store });
      return { store, kubernetes: true, metrics, tellProblems() {}, close: async () => store.close() };
    }
    case 'redis': {
      if (clusterId === undefined) {
        throw new UserError('--store redis:// needs to know whose objects to read: add --cluster-id ID');
      }
      const { RedisStore } = await import('../store/redis.ts');
      const store = new RedisStore({
        url: url.url,
        cluster: clusterId,
        resolvePath: (path) => userPath(environment, path),
        log,
        clock: systemClock,
        random: Math.random,
      });
      const metrics = redisMetrics(store.counters);
      return { store, kubernetes: false, metrics, tellProblems() {}, close: () => store.close() };
    }
    default:
      return url satisfies never;
  }
}
