/** Which clusters can be reached, as the gateways of this one say - as long as there is anybody to say it. */
import { Kinds } from '../api/kinds.ts';
import { type Gateway, GATEWAY_LIFE_MS, isUp } from '../api/tunnel.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../runtime/clock.ts';
import { GatewayLife } from '../runtime/gateway-life.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Reach, Reachability } from '../zone/reachability.ts';
import type { Zone } from '../zone/zone.ts';

interface FollowOptions {
  readonly store: Pick<ObjectStore, 'watch'>;
  readonly zone: Pick<Zone, 'setReachability'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Silence shows by nothing that happens: it is looked for. */
const LOOK_EVERY_MS = 1000;

/**
 * Where the cluster has Gateways, a cluster is reachable while one of them that lives holds a connection to
 * it. Where the kind does not exist, or must not be read, there are none. Until `signal` aborts.
 */
export async function followGateways(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { store, zone, log, clock } = options;
  const gateways = new Map<string, Gateway>(); // name → gateway
  const life = new GatewayLife(clock);
  const nameOf = ({ metadata }: Gateway): string => `${metadata.namespace}/${metadata.name}`;
  const tell = (): void =>
    zone.setReachability(reachabilityOf([...gateways.values()], (gateway) => life.isAlive(gateway)));
  const watching = store.watch(
    Kinds.Gateway,
    {},
    (event) => {
      switch (event.type) {
        case 'snapshot':
          gateways.clear();
          for (const gateway of event.objects) gateways.set(nameOf(gateway), gateway);
          break;
        case 'set':
          gateways.set(nameOf(event.object), event.object);
          break;
        case 'removed':
          gateways.delete(nameOf(event.object));
          break;
        case 'interrupted':
          life.setSight(false);
          if (event.error.code === 'not-found') gateways.clear();
          // That the store is away as a whole is told for the other kinds.
          else if (event.error.code !== 'unavailable') {
            log.warn(
              { kind: 'gateways', err: event.error },
              'The connections to other clusters are out of sight; what is known of them stays in force',
            );
          }
          break;
        case 'live':
          life.setSight(true);
          break;
        default:
          event satisfies never;
      }
      tell();
    },
    signal,
  );
  const looking = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      if (!signal.aborted) tell();
    }
  };
  await Promise.all([watching, looking()]);
}

/**
 * Which clusters the gateways reach: any of them is enough, and a degraded connection still carries.
 * @param isAlive whether a gateway may be believed
 */
export function reachabilityOf(
  gateways: readonly Gateway[],
  isAlive: (gateway: Gateway) => boolean = () => true,
): Reachability {
  if (gateways.length === 0) return 'all';
  const clusters = new Map<string, Reach>();
  // Those that live have the better reasons.
  for (const gateway of gateways.toSorted((a, b) => Number(isAlive(b)) - Number(isAlive(a)))) {
    const alive = isAlive(gateway);
    for (const { cluster, state, reason } of gateway.status?.connections ?? []) {
      if (alive && isUp({ state })) clusters.set(cluster, { reachable: true });
      else if (!clusters.has(cluster)) {
        const why = alive
          ? `the connection is in state ${state}${reason === undefined ? '' : `: ${reason}`}`
          : `gateway ${gateway.metadata.name} has given no sign of life for ${GATEWAY_LIFE_MS / 1000} s`;
        clusters.set(cluster, { reachable: false, reason: why });
      }
    }
  }
  return clusters;
}
