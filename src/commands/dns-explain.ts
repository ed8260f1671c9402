import type { Route } from '../observability/http.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Zone } from '../zone/zone.ts';
import { replyExplanation, worldOfZone, wrong } from './explain/route.ts';

const BEHIND =
  'The objects behind the zone: a DNS server reads none; "pharos explain NAME --kubeconfig FILE" does';

/**
 * `GET /api/v1/explain?name=NAME`, with `type`, `from` and `at`, see replyExplanation(): for whoever is on this machine,
 * as `kubectl port-forward` is. To all others it would list names that only secondaries may have.
 */
export const explainRoute = (zone: Zone, cluster: string | undefined, clock: Clock): Route => ({
  method: 'GET',
  path: '/api/v1/explain',
  reply: (_parameters, { query, toLoopback }) => {
    if (!toLoopback) {
      return wrong(403, 'Explanations are for this machine alone: use kubectl port-forward');
    }
    const now = clock.now();
    return replyExplanation(query, zone.origins, now, (question, at) => {
      const world = worldOfZone(zone, cluster, question, now, at);
      return typeof world === 'string' || at !== undefined
        ? world
        : { ...world, unknown: [...world.unknown, BEHIND] };
    });
  },
});
