import type { Verification } from '../diagnosis/verify/verify.ts';
import { formatTable } from './print-table.ts';

export function formatVerification({ rows }: Verification, output: 'table' | 'json'): string {
  if (output === 'json') return `${JSON.stringify({ version: 1, rows }, undefined, 2)}\n`;
  const failed = rows.filter(({ result }) => result === 'failed').length;
  const table = formatTable(
    ['FROM', 'TO', 'WHAT', 'RESULT', 'DETAILS'],
    rows.map(({ from, to, what, result, note }) => [from, to, what, result, note.replaceAll(/\s+/g, ' ')]),
  );
  return `${table}\n${failed === 0 ? `all ${rows.length} hold` : `${failed} of ${rows.length} failed; pharos diagnose in either cluster may say why`}\n`;
}

/** A histogram of each, for a terminal. */
export function formatMeasured(measured: Verification['measured'], output: 'table' | 'json'): string {
  if (output === 'json') return `${JSON.stringify({ version: 1, measured }, undefined, 2)}\n`;
  return measured
    .map(({ from, to, what, unit, samples, count }) => {
      const at = (share: number): string => {
        const value = samples[Math.min(samples.length - 1, Math.floor(samples.length * share))];
        return value === undefined ? '-' : String(value);
      };
      const heading = `${from} → ${to}, ${what}: p50 ${at(0.5)} ${unit}, p90 ${at(0.9)}, p99 ${at(0.99)}, of ${count}`;
      return `${[heading, ...histogram(samples, unit)].join('\n')}\n`;
    })
    .join('\n');
}

const ROWS = 8;
const WIDTH = 40;

/** Bars by equal steps between the least value and the one that 99 of 100 stay below; what is above is one bar. */
export function histogram(samples: readonly number[], unit: string): string[] {
  if (samples.length === 0) return ['  nothing could be measured'];
  const least = samples[0] ?? 0;
  const most = samples[Math.floor((samples.length - 1) * 0.99)] ?? least;
  const step = (most - least) / ROWS || 1;
  const counts = Array.from({ length: ROWS }, () => 0);
  for (const value of samples) {
    const row = Math.min(ROWS - 1, Math.floor((value - least) / step));
    counts[row] = (counts[row] ?? 0) + 1;
  }
  const highest = Math.max(...counts);
  return counts.map((count, row) => {
    const label = `${(least + row * step).toPrecision(3)} ${unit}`;
    return `  ${label.padStart(14)} ${'█'.repeat(Math.round((count / highest) * WIDTH))}`.trimEnd();
  });
}
