import { DRAINED_REF } from '../api/drained.ts';
import { Kinds } from '../api/kinds.ts';
import type { Gateway } from '../api/tunnel.ts';
import type { RedisSource } from '../store/redis-publisher.ts';
import { cutDrained, cutGateway, cutImport, cutSlice, SLICES_OF_ZONE } from '../zone/source.ts';

/** A snapshot is believed as it is until the store is in sight: it need not be written anew for each heartbeat. */
function cutToRest(gateway: Gateway): Gateway {
  const { status, ...object } = cutGateway(gateway);
  if (status === undefined) return object;
  const { heartbeat: _, ...rest } = status;
  return { ...object, status: rest };
}

const source = <T extends NonNullable<RedisSource['kind']['objects']>>(each: RedisSource<T>): RedisSource =>
  each as unknown as RedisSource;

const gateways = (cut: (gateway: Gateway) => Gateway): RedisSource =>
  source({ kind: Kinds.Gateway, selector: {}, cut });
const others: readonly RedisSource[] = [
  source({ kind: Kinds.ServiceImport, selector: {}, cut: cutImport }),
  source({ kind: Kinds.EndpointSlice, selector: SLICES_OF_ZONE, cut: cutSlice }),
  source({ kind: Kinds.ConfigMap, selector: DRAINED_REF, cut: cutDrained }),
];

/** What `pharos agent --publish` publishes of a cluster: all that its DNS servers read. */
export const zoneSources: readonly RedisSource[] = [...others, gateways(cutGateway)];

/** What a DNS server keeps of it in a file. */
export const snapshotSources: readonly RedisSource[] = [...others, gateways(cutToRest)];
