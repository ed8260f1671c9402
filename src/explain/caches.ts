/** Where answers are kept between the server and a client, as the Corefiles of a cluster's DNS say. Pure. */
import { blockFor, serverBlocks } from '../membership/corefile.ts';
import type { Cache } from './explanation.ts';

/** One server on the way, nearest to the client first. */
export interface WayStation {
  readonly at: 'node-local-dns' | 'cluster-dns';
  /** `ConfigMap kube-system/coredns` */
  readonly name: string;
  readonly corefile: string;
}

/** CoreDNS keeps answers for an hour at most unless told; each has its own time to live as well. */
const CACHE_DEFAULT_SECONDS = 3600;

/**
 * @param zone of the name that is asked for
 * @param ttl of the answer in seconds; undefined where it carries none
 */
export function cachesOnTheWay(
  stations: readonly WayStation[],
  zone: string,
  ttl: number | undefined,
): Cache[] {
  const kept = ttl ?? 0;
  const client: Cache = {
    at: 'client',
    text:
      ttl === undefined
        ? "a client's own resolver may keep an error for a moment"
        : `a client's own resolver may keep it for ${ttl} s`,
    keepsSeconds: kept,
  };
  return [client, ...stations.map((station) => stationCache(station, zone, kept))];
}

function stationCache({ at, name, corefile }: WayStation, zone: string, ttl: number): Cache {
  const block = blockFor(serverBlocks(corefile), zone);
  const isForZone = block !== undefined && block.zones.some((served) => served !== '.');
  if (!isForZone) {
    return {
      at,
      text:
        `${name} has no block for ${zone}: it sends the question where it sends everything else, ` +
        'and Pharos is not asked (docs/how-to/configure-cluster-dns.md)',
    };
  }
  const directive = (word: string): readonly string[] | undefined =>
    block.directives.find(([first]) => first === word);
  const shim = directive('pharos');
  if (shim !== undefined) {
    const stale = option(block.directives, 'pharos', 'stale') ?? '1h';
    return {
      at: 'shim',
      text: `${name}: the plugin pharos keeps it until a server says that it has changed; while no server is left, for ${stale}`,
      keepsSeconds: 0,
    };
  }
  const to = (directive('forward') ?? []).slice(2).join(' ');
  const towards = to === '' ? '' : `, and asks ${to}`;
  const cache = directive('cache');
  if (cache === undefined) return { at, text: `${name} keeps nothing${towards}`, keepsSeconds: 0 };
  const limit = /^\d+$/.test(cache[1] ?? '') ? Number(cache[1]) : CACHE_DEFAULT_SECONDS;
  const seconds = Math.min(ttl, limit);
  const stale = option(block.directives, 'cache', 'serve_stale');
  const staleText = stale === undefined ? '' : `, and for ${stale || '1h'} more while it gets no answer`;
  return {
    at,
    text: `${name} may keep it for ${seconds} s (cache)${staleText}${towards}`,
    keepsSeconds: seconds,
  };
}

/** The value of a word in a directive's braces; '' where it has none. */
function option(
  directives: readonly (readonly string[])[],
  directive: string,
  word: string,
): string | undefined {
  const found = directives.find(
    ([outer, brace, first]) => outer === directive && brace === '{' && first === word,
  );
  return found && (found[3] ?? '');
}
