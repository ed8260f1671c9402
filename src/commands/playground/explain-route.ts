import { explain } from '../../explain/explain.ts';
import { parseQuestion } from '../../explain/question.ts';
import type { World } from '../../explain/world.ts';
import { ipFamily } from '../../api/ip.ts';
import type { Reply, Route } from '../../observability/http.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { PlaygroundCluster } from './cluster.ts';
import type { Playground } from './playground.ts';

/**
 * `GET /api/v1/explain?name=NAME`, with `type` (A), `from` (a client's address) and `cluster` (the first one): an
 * Explanation as JSON, or a sentence that says what is wrong with the question.
 */
export const explainRoute = (playground: Playground, clock: Clock): Route => ({
  method: 'GET',
  path: '/api/v1/explain',
  reply: (_parameters, { query }) => {
    const { clusters } = playground;
    const wanted = query.get('cluster');
    const cluster = wanted === null ? clusters[0] : clusters.find(({ id }) => id === wanted);
    if (cluster === undefined) {
      const known = clusters.map(({ id }) => id).join(', ');
      return wrong(404, `There is no cluster "${wanted ?? ''}". There are: ${known}`);
    }
    const name = query.get('name')?.trim() ?? '';
    if (name === '') return wrong(400, 'Say which name: /api/v1/explain?name=web.shop&type=A');
    const client = query.get('from') ?? undefined;
    if (client !== undefined && ipFamily(client) === undefined) {
      return wrong(400, `from is "${client}", must be the client's IP address`);
    }
    try {
      const question = parseQuestion(name, query.get('type') ?? 'A', cluster.zone.origins);
      const explanation = explain(question, worldOf(cluster, clusters, clock.now()), client);
      return { status: 200, body: `${JSON.stringify(explanation)}\n`, contentType: 'application/json' };
    } catch (error) {
      return wrong(400, (error as Error).message);
    }
  },
});

const wrong = (status: number, body: string): Reply => ({ status, body: `${body}\n` });

function worldOf(cluster: PlaygroundCluster, clusters: readonly PlaygroundCluster[], now: number): World {
  const own = cluster.disconnectedSince;
  const since = clusters.flatMap(({ id, disconnectedSince = own }) =>
    disconnectedSince === undefined || id === cluster.id ? [] : [[id, own ?? disconnectedSince] as const],
  );
  return {
    now,
    cluster: cluster.id,
    zone: cluster.zone,
    unreachableSince: new Map(since),
    unknown: [],
  };
}
