/**
 * The ledger of clusterset IPs: one ConfigMap of the member, which says who may give out addresses, which
 * ones are on their way into a ServiceImport, and which ones rest. What a service has for good stands in its
 * ServiceImport alone. This is its text; people may read it, and mend it. Pure.
 */
import type { ConfigMap } from '../api/administration.ts';
import { type IpAddress, ipOrNone } from '../api/cidr.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import type { Resting } from './allocations.ts';

export const LEDGER_REF = { name: 'pharos-clusterset-ips', namespace: SYSTEM_NAMESPACE } as const;

export interface Ledger {
  /** Of the agent that gives out addresses; only it writes the ledger. */
  readonly epoch: string;
  /** service → addresses that its ServiceImport may not show yet */
  readonly pending: ReadonlyMap<string, readonly IpAddress[]>;
  readonly resting: readonly Resting[];
}

/** A line each: `shop/web 243.0.1.2`, `shop/web 243.0.1.2 2026-11-24T10:00:00.000Z`. */
export const formatLedger = ({ epoch, pending, resting }: Ledger): ConfigMap => ({
  apiVersion: Kinds.ConfigMap.apiVersion,
  kind: 'ConfigMap',
  metadata: { ...LEDGER_REF, labels: { [Label.importManagedBy]: MANAGED_BY } },
  data: {
    epoch,
    pending: lines([...pending].map(([service, ips]) => [service, ...ips])),
    resting: lines(
      resting.map(({ service, address, until }) => [service, address, new Date(until).toISOString()]),
    ),
  },
});

/** What makes no sense is left out. */
export function parseLedger({ data = {} }: ConfigMap): Ledger {
  const pending = new Map<string, readonly IpAddress[]>();
  for (const [service = '', ...ips] of words(data['pending'])) {
    const addresses = ips.flatMap(ipOrNone);
    if (addresses.length > 0) pending.set(service, addresses);
  }
  return {
    epoch: data['epoch'] ?? '',
    pending,
    resting: words(data['resting']).flatMap(([service = '', ip = '', time = '']) => {
      const until = Date.parse(time);
      return Number.isNaN(until) ? [] : ipOrNone(ip).map((address) => ({ service, address, until }));
    }),
  };
}

const lines = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `${row.join(' ')}\n`).join('');

const words = (text = ''): string[][] =>
  text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim().split(/\s+/)]));
