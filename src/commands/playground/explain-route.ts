import { BROKER_NAMESPACE } from '../../api/names.ts';
import { NO_FILTERS } from '../../discovery/import-filters.ts';
import { NO_ADDRESSES } from '../../discovery/own-addresses.ts';
import type { Background } from '../../explain/background.ts';
import type { ServiceName } from '../../explain/finding.ts';
import { serviceAskedFor } from '../../explain/question.ts';
import type { Route } from '../../observability/http.ts';
import type { Clock } from '../../runtime/clock.ts';
import { readBrokerObjects, readServiceObjects } from '../explain/read-background.ts';
import { replyExplanation, worldOfZone, wrong } from '../explain/route.ts';
import type { PlaygroundCluster } from './cluster.ts';
import type { Playground } from './playground.ts';

/** `GET /api/v1/explain?name=NAME`, with `type`, `from`, `at` and `cluster` (the first one), see replyExplanation(). */
export const explainRoute = (playground: Playground, clock: Clock): Route => ({
  method: 'GET',
  path: '/api/v1/explain',
  reply: async (_parameters, { query }) => {
    const { clusters } = playground;
    const wanted = query.get('cluster');
    const cluster = wanted === null ? clusters[0] : clusters.find(({ id }) => id === wanted);
    if (cluster === undefined) {
      const known = clusters.map(({ id }) => id).join(', ');
      return wrong(404, `There is no cluster "${wanted ?? ''}". There are: ${known}`);
    }
    const now = clock.now();
    return replyExplanation(query, cluster.zone.origins, now, async (question, at) => {
      const world = worldOfZone(cluster.zone, cluster.id, question, now, at);
      const service = serviceAskedFor(question, cluster.zone.origins);
      if (typeof world === 'string' || at !== undefined || service === undefined) return world;
      return { ...world, background: await backgroundOf(playground, cluster, service, now) };
    });
  },
});

async function backgroundOf(
  { clusters, broker }: Playground,
  cluster: PlaygroundCluster,
  service: ServiceName,
  now: number,
): Promise<Background> {
  const others = clusters.filter(({ id }) => id !== cluster.id);
  const [here, ...elsewhere] = await Promise.all([
    readServiceObjects(cluster.store, cluster.id, service),
    ...others.map(({ store, id }) => readServiceObjects(store, id, service)),
  ]);
  return {
    here,
    elsewhere,
    broker: await readBrokerObjects(broker, BROKER_NAMESPACE, service, now),
    endpoints: 'service',
    filters: NO_FILTERS,
    own: NO_ADDRESSES,
    expireAfterMs: undefined,
  };
}
