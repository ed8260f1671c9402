/** One run of dnsperf, DNS-OARC's load generator. */
import { must } from '../../lab/command.ts';

export interface LoadResult {
  readonly queriesPerSecond: number;
  readonly completed: number;
  /** Queries that got no answer in time. */
  readonly lost: number;
  /** Answers with another code than NOERROR. */
  readonly failed: number;
}

/**
 * @param limit how long, in seconds, or `once` for each query once
 */
export async function runDnsperf(options: {
  readonly port: number;
  readonly queries: string;
  readonly core: number;
  readonly limit: number | 'once';
}): Promise<LoadResult> {
  const { port, queries, core, limit } = options;
  const length = limit === 'once' ? ['-n', '1'] : ['-l', String(limit)];
  const load = ['dnsperf', '-s', '127.0.0.1', '-p', String(port), '-d', queries, '-c', '10', '-T', '1'];
  const output = await must('taskset', ['-c', String(core), ...load, ...length]);
  return parseDnsperf(output);
}

/** Reads the statistics that dnsperf prints at its end. */
export function parseDnsperf(output: string): LoadResult {
  const number = (pattern: RegExp): number => {
    const [, found] = pattern.exec(output) ?? [];
    if (found === undefined) throw new Error(`dnsperf printed no ${pattern.source}:\n${output}`);
    return Number(found);
  };
  const completed = number(/Queries completed: +(\d+)/);
  const noError = /Response codes:.*?NOERROR (\d+)/.exec(output)?.[1] ?? '0';
  return {
    queriesPerSecond: number(/Queries per second: +([\d.]+)/),
    completed,
    lost: number(/Queries lost: +(\d+)/),
    failed: completed - Number(noError),
  };
}
