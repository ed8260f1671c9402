import { formatListenAddress } from '../config/listen-address.ts';
import type { uiSpec } from '../config/specs/ui.ts';
import { healthRoutes, type Route } from '../observability/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import { loadAssets } from '../page/assets.ts';
import { LivePage } from '../page/live-page.ts';
import { pageRoutes } from '../page/routes.ts';
import { WatchedBroker } from '../page/watched-broker.ts';
import { WatchedCluster } from '../page/watched-cluster.ts';
import { systemClock } from '../runtime/clock.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import { parseOrigin } from '../zone/name.ts';
import type { Run } from './command.ts';
import { type ClusterSource, readCluster } from './explain/read-cluster.ts';
import { replyExplanation, wrong } from './explain/route.ts';
import { loggingTo } from './logging.ts';
import { openMemberAndBroker } from './open-broker-of.ts';
import { serveOrExplain } from './serve.ts';

/** That a cluster has fallen silent is seen by the clock alone. */
const LOOK_EVERY_MS = 5000;

export const runUi: Run<typeof uiSpec> = async (values, context) => {
  const { stdout, version } = context;
  const logging = loggingTo(context, values);
  const log = logging('ui');
  const clock = systemClock;
  const opened = await openMemberAndBroker(values, context);
  const { member, cluster: id, broker } = opened;
  if (typeof broker === 'string') log.warn({ reason: broker }, 'The broker is not looked at');

  const shutdown = new Shutdown({ process: context.process, log, clock });
  shutdown.defer('stores', () => opened[Symbol.dispose]());
  const changed = (): void => live?.changed();
  const cluster = new WatchedCluster({ id, store: member, clock, onChange: changed });
  const watchedBroker =
    typeof broker === 'string' ? undefined : new WatchedBroker({ ...broker, clock, onChange: changed });
  let live: LivePage | undefined;
  live = new LivePage({
    clock,
    look: () => ({
      kind: 'clusterset',
      source: member.location,
      zone: (values.zone[0] ?? '').replace(/\.$/, ''),
      clusters: [cluster.sight],
      ...(watchedBroker && { broker: watchedBroker.sight }),
      problems: [],
    }),
  });
  const watching = Promise.all([cluster.run(shutdown.signal), watchedBroker?.run(shutdown.signal)]);
  shutdown.defer('watches', async () => void (await watching));
  shutdown.defer('page', () => live.close());
  // What is there at the start is no news.
  await Promise.race([cluster.synced(), clock.sleep(LOOK_EVERY_MS, shutdown.signal)]);
  live.settle();
  const look = (): void => {
    live.changed();
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  let cancel = clock.after(LOOK_EVERY_MS, look);
  shutdown.defer('looking', () => cancel());

  const metrics = createMetrics(() => []);
  const http = await serveOrExplain('--http-listen', values.httpListen, [
    ...pageRoutes({
      live,
      assets: loadAssets(),
      version,
      now: () => clock.now(),
      explain: explainRoute({ ...opened, zone: values.zone }),
    }),
    ...healthRoutes(metrics, () => (shutdown.signal.aborted ? 'shutting down' : undefined)),
  ]);
  shutdown.defer('http', () => http.close());
  stdout.write(
    `The status page of ${id} (${member.location}): http://${formatListenAddress(http)}/\nStop with Ctrl+C.\n`,
  );
  return 'running';
};

/** Looks at the API server again for each question. */
const explainRoute = (source: Omit<ClusterSource, 'now'>): Route => ({
  method: 'GET',
  path: '/api/v1/explain',
  async reply(_, { query }) {
    const wanted = query.get('cluster');
    if (wanted !== null && wanted !== '' && wanted !== source.cluster) {
      return wrong(
        404,
        `This page can explain what ${source.cluster} answers; it has no access to ${wanted}`,
      );
    }
    const now = systemClock.now();
    return replyExplanation(query, source.zone.map(parseOrigin), now, async (question, at) => {
      if (at !== undefined)
        return 'What was before is known to the DNS servers alone; this page knows what is now';
      const { world } = await readCluster({ ...source, now }, () => question);
      return world;
    });
  },
});
