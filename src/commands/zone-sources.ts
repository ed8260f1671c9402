import { Kinds } from '../api/kinds.ts';
import type { RedisSource } from '../store/redis-publisher.ts';
import {
  cutDrained,
  cutGateway,
  cutImport,
  cutSlice,
  DRAINS_OF_ZONE,
  SLICES_OF_ZONE,
} from '../zone/source.ts';

const source = <T extends NonNullable<RedisSource['kind']['objects']>>(each: RedisSource<T>): RedisSource =>
  each as unknown as RedisSource;

/** What `pharos agent --publish` publishes of a cluster: all that its DNS servers read. */
export const zoneSources: readonly RedisSource[] = [
  source({ kind: Kinds.ServiceImport, selector: {}, cut: cutImport }),
  source({ kind: Kinds.EndpointSlice, selector: SLICES_OF_ZONE, cut: cutSlice }),
  source({ kind: Kinds.Gateway, selector: {}, cut: cutGateway }),
  source({ kind: Kinds.ConfigMap, selector: DRAINS_OF_ZONE, cut: cutDrained }),
];
