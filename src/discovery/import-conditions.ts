import type { Condition, ServiceImport } from '../api/objects.ts';
import type { Held, Lack } from './allocations.ts';

/** The condition of an import that lacks a clusterset IP; there is none while nothing is lacking. */
const CONDITION = 'pharos.io/ClustersetIP';

const REASONS: Readonly<Record<Lack['why'], string>> = {
  exhausted: 'Exhausted',
  'no-cidr': 'IPFamilyNotSupported',
};

/**
 * What the owner of an import is told of its clusterset IPs. Pure.
 *
 * @param present the import as it stands, whose transition time is kept
 * @param now RFC 3339
 */
export function importConditions(
  present: ServiceImport | undefined,
  { lacking, ips }: Held,
  now: string,
): Condition[] {
  const [first] = lacking;
  if (first === undefined) return [];
  const before = present?.status?.conditions?.find(({ type }) => type === CONDITION);
  const causes = lacking.map(({ family, why }) =>
    why === 'exhausted'
      ? `all ${family} addresses of --clusterset-cidr are in use; give the agent another network, or withdraw exports`
      : `--clusterset-cidr has no ${family} network`,
  );
  const meanwhile =
    ips.length === 0
      ? "DNS answers with the exporting clusters' Service IPs instead"
      : `it has ${ips.join(', ')}`;
  return [
    {
      type: CONDITION,
      status: 'False',
      reason: REASONS[first.why],
      message: `${causes.join('; ')}. Meanwhile ${meanwhile}`,
      lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : now,
    },
  ];
}
