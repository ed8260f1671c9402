import { formatListenAddress } from '../config/listen-address.ts';
import { userPath } from '../config/environment.ts';
import type { Values } from '../config/flag.ts';
import type { dnsSpec } from '../config/specs/dns.ts';
import { dnsMetrics } from '../dns/metrics.ts';
import { startDnsServer } from '../dns/server.ts';
import { healthRoutes } from '../observability/http.ts';
import type { Log } from '../observability/log.ts';
import type { MetricSource } from '../observability/metric-source.ts';
import { createMetrics } from '../observability/metrics.ts';
import { systemClock } from '../runtime/clock.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import { DirectoryStore, type Loaded } from '../store/directory.ts';
import { formatProblem } from '../store/directory-problem.ts';
import { RedisStore } from '../store/redis.ts';
import type { ObjectStore } from '../store/store.ts';
import { Zone } from '../zone/zone.ts';
import { memberClusterId } from './cluster-id.ts';
import type { Context, Run } from './command.ts';
import { feedZone } from './feed-zone.ts';
import { loggingTo } from './logging.ts';
import { redisMetrics } from './redis-metrics.ts';
import { serveOrExplain } from './serve.ts';
import { storeMetrics } from './store-metrics.ts';
import { udpWay } from './udp-way.ts';
import { UserError } from './user-error.ts';
import { zoneMetrics } from './zone-metrics.ts';

type DnsValues = Values<typeof dnsSpec>;

/** How long queries are still answered after readiness is off, for whoever has not noticed yet. */
const DRAIN_MS = 1000;

export const runDns: Run<typeof dnsSpec> = async (values, context) => {
  const logging = loggingTo(context, values);
  const log = logging('dns');
  const clock = systemClock;
  const opened = await openStore(values, context, logging('store'));
  const { store } = opened;
  const cluster = opened.kubernetes ? await memberClusterId(store, values.clusterId, log) : values.clusterId;
  const zone = new Zone({
    origins: values.zone,
    policy: values.policy,
    ttl: values.ttl,
    strictNames: values.strictNames,
    advertise: values.advertise,
    reverseZones: values.clustersetCidr,
    serial: Math.floor(clock.now() / 1000),
    ...(cluster !== undefined && { ownCluster: cluster }),
  });

  const server = await startDnsServer({
    source: zone,
    listen: values.listen,
    reusePort: values.reusePort,
    ...udpWay(values, log),
    log: logging('server'),
  });
  const shutdown = new Shutdown({ process: context.process, log, clock });
  const metrics = createMetrics(() => [...dnsMetrics(server), ...zoneMetrics(zone), ...opened.metrics]);
  const notReady = (): string | undefined => {
    if (shutdown.signal.aborted) return 'shutting down';
    return zone.synced ? undefined : `the first full list from ${store.location} is not in yet`;
  };
  const http = await serveOrExplain(
    '--metrics-listen',
    values.metricsListen,
    healthRoutes(metrics, notReady, () =>
      zone.staleSince === undefined
        ? undefined
        : `stale: no contact with ${store.location} since ${zone.staleSince}`,
    ),
  );
  log.info(
    {
      version: context.version,
      cluster,
      zone: values.zone,
      listen: server.addresses.map(formatListenAddress),
      udp: server.udpWorkers > 0 ? 'batched' : 'dgram',
      ...(server.udpWorkers > 0 && { workers: server.udpWorkers }),
      metrics: formatListenAddress(http),
      store: store.location,
    },
    'pharos dns is up',
  );
  opened.tellProblems();
  const unsubscribe = zone.subscribe(() => {
    unsubscribe();
    log.info({ services: [...zone.services()].length }, 'The zone is complete: answering');
  });
  const feeding = new AbortController();
  const { staleAfter } = values;
  const feed = { store, zone, clock, log: logging('store'), staleAfter, gateways: true };
  const fed = feedZone(feed, feeding.signal);

  shutdown.defer('store', () => opened.close());
  shutdown.defer('http', () => http.close());
  shutdown.defer('dns server', () => server.close());
  shutdown.defer('watches', () => {
    feeding.abort();
    return fed;
  });
  shutdown.defer('drain', () => clock.sleep(DRAIN_MS));
  return 'running';
};

interface OpenedStore {
  readonly store: ObjectStore;
  /** Logs what is wrong with it, now and from now on. */
  tellProblems(): void;
  readonly kubernetes: boolean;
  readonly metrics: readonly MetricSource[];
  close(): Promise<void>;
}

async function openStore(
  { store: url, kubeconfig, clusterId }: DnsValues,
  { environment }: Context,
  log: Log,
): Promise<OpenedStore> {
  switch (url.type) {
    case 'directory': {
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
      const metrics = storeMetrics({ member: store.counters });
      return { store, kubernetes: true, metrics, tellProblems() {}, close: async () => store.close() };
    }
    case 'redis': {
      if (clusterId === undefined) {
        throw new UserError('--store redis:// needs to know whose objects to read: add --cluster-id ID');
      }
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
