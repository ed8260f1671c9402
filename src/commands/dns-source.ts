/**
 * What a DNS server answers from: a store, and with `--snapshot` a file in front of it. With a good snapshot
 * nothing is waited for, not even the loading of a client: the store is opened when all else is running.
 */
import { rmSync } from 'node:fs';
import { type ClusterId, isDnsLabel } from '../api/identity.ts';
import { userPath } from '../config/environment.ts';
import type { createLogging } from '../observability/logger.ts';
import type { MetricSource } from '../observability/metric-source.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Shutdown } from '../runtime/shutdown.ts';
import { type LoadedSnapshot, readSnapshot } from '../store/snapshot-file.ts';
import { SnapshotStore } from '../store/snapshot-store.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import { memberClusterId } from './cluster-id.ts';
import type { Context } from './command.ts';
import { type DnsValues, type OpenedStore, openDnsStore } from './dns-store.ts';
import { snapshotMetrics } from './snapshot-metrics.ts';
import { failureText } from './user-error.ts';
import { snapshotSources } from './zone-sources.ts';

export interface DnsSource {
  readonly store: Pick<ObjectStore, 'watch' | 'location'>;
  readonly cluster: ClusterId | undefined;
  metrics(): readonly MetricSource[];
  /** To be called when the server answers: goes on with what could wait until then. */
  follow(shutdown: Shutdown): void;
  close(): Promise<void>;
}

/** Between attempts to open a store that is away. */
const RETRY_MS = 5000;

/** @throws Error for the user where there is nothing to answer from, now or later */
export async function openDnsSource(
  values: DnsValues,
  context: Context,
  logging: ReturnType<typeof createLogging>,
  clock: Clock,
): Promise<DnsSource> {
  const log = logging('dns');
  const open = async (): Promise<{ opened: OpenedStore; cluster: ClusterId | undefined }> => {
    const opened = await openDnsStore(values, context, logging('store'));
    if (!opened.kubernetes) return { opened, cluster: values.clusterId };
    try {
      return { opened, cluster: await memberClusterId(opened.store, values.clusterId, log) };
    } catch (error) {
      await opened.close();
      throw error;
    }
  };
  if (values.snapshot === undefined) {
    const { opened, cluster } = await open();
    return {
      store: opened.store,
      cluster,
      metrics: () => opened.metrics,
      follow: () => opened.tellProblems(),
      close: () => opened.close(),
    };
  }

  const path = userPath(context.environment, values.snapshot);
  // Without --cluster-id it is the API server that says whose snapshot this should be, later.
  const owner = values.clusterId ?? (values.store.type === 'kubernetes' ? undefined : '');
  const loaded = readOwnSnapshot(path, { cluster: owner, zones: values.zone }, logging('snapshot'));
  const first = loaded === undefined ? await open() : undefined;
  let opened = first?.opened;
  const cluster = first === undefined ? clusterOf(loaded) : first.cluster;
  const inner = Promise.withResolvers<ObjectStore>();
  const store = new SnapshotStore({
    path,
    cluster: cluster ?? '',
    zones: values.zone,
    sources: snapshotSources,
    inner: inner.promise,
    ...(loaded !== undefined && { loaded }),
    log: logging('snapshot'),
    clock,
  });

  const openLater = async (shutdown: Shutdown): Promise<void> => {
    const { signal } = shutdown;
    while (!signal.aborted) {
      try {
        const later = await open();
        opened = later.opened;
        if (signal.aborted || later.cluster === cluster) break;
        const fields = { path, cluster: later.cluster, theirs: cluster };
        log.error(
          fields,
          'The snapshot that is answered from is of another cluster: it is removed, and this ends',
        );
        rmSync(path, { force: true });
        void shutdown.begin(1);
        return;
      } catch (error) {
        if (error instanceof StoreError && error.code === 'unavailable') {
          log.warn({ err: error }, 'The store is away and will be tried again; answering from the snapshot');
          await clock.sleep(RETRY_MS, signal);
          continue;
        }
        log.error({ reason: failureText('dns', error) }, 'The store cannot be opened');
        void shutdown.begin(1);
        return;
      }
    }
    if (opened === undefined || signal.aborted) return;
    opened.tellProblems();
    inner.resolve(opened.store);
  };

  return {
    store,
    cluster,
    metrics: () => [...(opened?.metrics ?? []), ...snapshotMetrics(store.counters)],
    follow(shutdown) {
      if (opened === undefined) void openLater(shutdown);
      else {
        opened.tellProblems();
        inner.resolve(opened.store);
      }
    },
    async close() {
      await store.close();
      await opened?.close();
    },
  };
}

const clusterOf = (loaded: LoadedSnapshot | undefined): ClusterId | undefined =>
  loaded !== undefined && isDnsLabel(loaded.cluster) ? (loaded.cluster as ClusterId) : undefined;

/** The snapshot, where it is one of this server's. What is wrong with another is logged, and no reason to stop. */
function readOwnSnapshot(
  path: string,
  owner: Parameters<typeof readSnapshot>[1],
  log: ReturnType<ReturnType<typeof createLogging>>,
): LoadedSnapshot | undefined {
  const read = readSnapshot(path, owner);
  switch (read.is) {
    case 'loaded': {
      const { cluster, savedAt } = read.snapshot;
      log.info({ path, cluster, savedAt }, 'Answering from the snapshot until the store is read');
      return read.snapshot;
    }
    case 'absent':
      log.info({ path }, 'There is no snapshot yet: waiting for the store');
      return undefined;
    case 'refused':
      log.warn({ path, reason: read.reason }, 'The snapshot is not used: waiting for the store');
      return undefined;
    default:
      return read satisfies never;
  }
}
