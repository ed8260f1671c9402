import type { benchmarkSpec } from '../config/specs/benchmark.ts';
import type { Run } from './command.ts';
import { formatMeasured, formatVerification } from './format-verification.ts';
import { withTestPods } from './verify.ts';

export const runBenchmark: Run<typeof benchmarkSpec> = async (values, context) => {
  const { queries, trips, duration: seconds, output } = values;
  const result = await withTestPods(values, context, { sizes: [64], measure: { queries, trips, seconds } });
  if (result === undefined) return 'failed';
  const failed = result.rows.filter((row) => row.result === 'failed');
  context.stdout.write(formatMeasured(result.measured, output));
  if (failed.length === 0) return 'done';
  context.stderr.write(formatVerification({ rows: failed, measured: [] }, 'table'));
  return 'failed';
};
