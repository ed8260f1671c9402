import { groupOf, type Verdict } from '../diagnosis/check.ts';
import type { Finding } from '../diagnosis/run-checks.ts';
import { formatTable } from './print-table.ts';

/** @param location of the member */
export function formatDiagnosis(
  findings: readonly Finding[],
  output: 'table' | 'json',
  location: string,
): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify({ version: 1, location, checks: findings.map(asJson) }, undefined, 2)}\n`;
    case 'table':
      return asTable(findings);
    default:
      return output satisfies never;
  }
}

const asJson = ({ check, verdict }: Finding) => ({
  id: check.id,
  group: groupOf(check),
  proves: check.proves,
  verdict: verdict.is,
  ...(verdict.is === 'ok' && verdict.note !== undefined && { note: verdict.note }),
  ...(verdict.is === 'failed' && { reasons: verdict.reasons, mend: check.mend, docs: check.docs }),
  ...((verdict.is === 'skipped' || verdict.is === 'unknown') && { why: verdict.why }),
});

function asTable(findings: readonly Finding[]): string {
  const table = formatTable(
    ['CHECK', 'VERDICT', 'WHY'],
    findings.map(({ check, verdict }) => [check.id, verdict.is, remark(verdict)]),
  );
  const failed = findings.flatMap(({ check, verdict }) =>
    verdict.is === 'failed'
      ? [
          [
            `${check.id}: not so: ${check.proves}`,
            ...verdict.reasons.map((reason) => `  - ${oneLine(reason)}`),
            `  Mend: ${check.mend}`,
            `  See:  ${check.docs}`,
          ].join('\n'),
        ]
      : [],
  );
  const counts = (['ok', 'failed', 'skipped', 'unknown'] as const)
    .map((is) => [is, findings.filter(({ verdict }) => verdict.is === is).length] as const)
    .filter(([, count]) => count > 0)
    .map(([is, count]) => `${count} ${is}`);
  return [table, ...failed.map((text) => `${text}\n`), `${counts.join(', ')}\n`].join('\n');
}

function remark(verdict: Verdict): string {
  switch (verdict.is) {
    case 'ok':
      return oneLine(verdict.note ?? '');
    case 'failed':
      return verdict.reasons.length === 1
        ? oneLine(verdict.reasons[0] ?? '')
        : `${verdict.reasons.length} reasons, see below`;
    case 'skipped':
    case 'unknown':
      return oneLine(verdict.why);
    default:
      return verdict satisfies never;
  }
}

/** Reasons hold what others wrote: no line of theirs may look like one of ours. */
const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
