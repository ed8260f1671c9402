/**
 * What an agent lets into its cluster, as it says of itself in a ConfigMap: whoever shows or explains an
 * import goes by it, since nothing else in the cluster tells why a service is not there.
 */
import { type Cidr, cidrOrNone } from '../api/cidr.ts';
import type { ConfigMap } from '../api/administration.ts';
import { isDnsLabel } from '../api/identity.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Log } from '../observability/log.ts';
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import type { ImportFilters } from './import-filters.ts';

export const IMPORT_RULES_REF = { name: 'pharos-import-rules', namespace: SYSTEM_NAMESPACE } as const;

export interface ImportRules extends ImportFilters {
  /** For so long another cluster may be silent before what it exports is withdrawn; absent = for good. */
  readonly expireAfterMs?: number;
  /** Networks in which no address of another cluster is taken; absent = those of the own Cluster object, */
  readonly ownCidrs?: readonly Cidr[];
  /** and in either case those of clusterset IPs. */
  readonly clustersetCidrs?: readonly Cidr[];
}

/** One key a flag, so that people can read it. */
export const importRulesManifest = ({
  from,
  namespaces,
  denied,
  ownCidrs = [],
  clustersetCidrs = [],
  expireAfterMs,
}: ImportRules): ConfigMap => ({
  apiVersion: Kinds.ConfigMap.apiVersion,
  kind: 'ConfigMap',
  metadata: { ...IMPORT_RULES_REF, labels: { [Label.importManagedBy]: MANAGED_BY } },
  data: {
    'import-from': from.join(','),
    'import-namespaces': namespaces.join(','),
    'deny-namespaces': denied.join(','),
    'own-cidrs': ownCidrs.join(','),
    'clusterset-cidrs': clustersetCidrs.join(','),
    ...(expireAfterMs !== undefined && { 'expire-after-seconds': String(expireAfterMs / 1000) }),
  },
});

/** What makes no sense is left out. */
export function parseImportRules({ data = {} }: ConfigMap): ImportRules {
  const list = (key: string): string[] => (data[key] ?? '').split(',').filter(isDnsLabel);
  const cidrs = (key: string): Cidr[] => (data[key] ?? '').split(',').flatMap(cidrOrNone);
  const ownCidrs = cidrs('own-cidrs');
  const clustersetCidrs = cidrs('clusterset-cidrs');
  const seconds = Number(data['expire-after-seconds'] ?? Number.NaN);
  return {
    from: list('import-from'),
    namespaces: list('import-namespaces'),
    denied: list('deny-namespaces'),
    ...(ownCidrs.length > 0 && { ownCidrs }),
    ...(clustersetCidrs.length > 0 && { clustersetCidrs }),
    ...(seconds > 0 && { expireAfterMs: Math.round(seconds * 1000) }),
  };
}

const BACKOFF = { baseMs: 500, maxMs: 30_000 };

/** Says it once, and tries until `signal` aborts. Where it may not be said nothing depends on it. */
export async function publishImportRules(
  rules: ImportRules,
  deps: {
    readonly member: ObjectStore;
    readonly clock: Clock;
    readonly random: () => number;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<void> {
  const { member, clock, random, log } = deps;
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      // Applying what is there already changes nothing.
      await member.apply(Kinds.ConfigMap, importRulesManifest(rules));
      return;
    } catch (err) {
      if (!(err instanceof StoreError)) throw err;
      if (err.code !== 'unavailable' && err.code !== 'conflict') {
        log.debug({ ...IMPORT_RULES_REF, err }, 'What is let in cannot be told to "pharos show services"');
        return;
      }
      await clock.sleep(backoffMs(BACKOFF, failures, random()), signal);
    }
  }
}
