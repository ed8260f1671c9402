import type { PageModel } from './model.ts';
import { membersOf } from './members.ts';
import { connectionsOf } from './connections.ts';
import { Services } from './services.ts';
import type { Sights } from './sights.ts';

/**
 * The page's model, from what is seen.
 *
 * @param all of the model before, so that only what has changed is made anew
 */
export function buildModel(sights: Sights, all: Services = new Services()): PageModel {
  const { kind, source, zone, broker, problems, clusters, now } = sights;
  const connections = connectionsOf(clusters, now);
  const services = all.update(sights, connections);
  const lost = clusters.flatMap(({ id, lost: why }) =>
    why === undefined ? [] : `What is shown of ${id} may be old: ${why}`,
  );
  return {
    kind,
    source,
    zone,
    broker: broker === undefined ? 'not-read' : broker.lost === undefined ? 'in-sight' : 'out-of-sight',
    clusters: membersOf(sights, connections, services),
    connections,
    services,
    problems: [
      ...(broker?.lost === undefined ? [] : [`The broker is out of sight: ${broker.lost}`]),
      ...lost,
      ...problems,
    ],
  };
}
