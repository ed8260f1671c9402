import { BROKER_NAMESPACE } from '../../api/names.ts';
import { NO_FILTERS } from '../../discovery/import-filters.ts';
import type { Background } from '../../explain/background.ts';
import type { ServiceName } from '../../explain/finding.ts';
import { serviceAskedFor, type TypedQuestion } from '../../explain/question.ts';
import type { World } from '../../explain/world.ts';
import type { Route } from '../../observability/http.ts';
import type { Clock } from '../../runtime/clock.ts';
import { readBrokerObjects, readServiceObjects } from '../explain/read-background.ts';
import { replyExplanation, wrong } from '../explain/route.ts';
import type { PlaygroundCluster } from './cluster.ts';
import type { Playground } from './playground.ts';

/** `GET /api/v1/explain?name=NAME`, with `type`, `from` and `cluster` (the first one), see replyExplanation(). */
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
    return replyExplanation(query, cluster.zone.origins, (question) =>
      worldOf(playground, cluster, question, clock.now()),
    );
  },
});

async function worldOf(
  playground: Playground,
  cluster: PlaygroundCluster,
  question: TypedQuestion,
  now: number,
): Promise<World> {
  const own = cluster.disconnectedSince;
  const since = playground.clusters.flatMap(({ id, disconnectedSince = own }) =>
    disconnectedSince === undefined || id === cluster.id ? [] : [[id, own ?? disconnectedSince] as const],
  );
  const service = serviceAskedFor(question, cluster.zone.origins);
  return {
    now,
    cluster: cluster.id,
    zone: cluster.zone,
    unreachableSince: new Map(since),
    ...(service && { background: await backgroundOf(playground, cluster, service, now) }),
    way: undefined,
    unknown: [],
  };
}

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
    expireAfterMs: undefined,
  };
}
