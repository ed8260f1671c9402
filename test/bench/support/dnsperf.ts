/** One run of dnsperf, DNS-OARC's load generator. */
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { must } from '../../lab/command.ts';

export interface LoadResult {
  readonly queriesPerSecond: number;
  readonly completed: number;
  /** Queries that got no answer in time. */
  readonly lost: number;
  /** Answers with another code than NOERROR or NXDOMAIN. */
  readonly failed: number;
}

export interface LoadOptions {
  readonly port: number;
  /** File of questions. */
  readonly queries: string;
  readonly core: number;
  /** How long, in seconds, or `once` for each query once. */
  readonly limit: number | 'once';
  readonly edns?: boolean;
  readonly tcp?: boolean;
  /** Queries per second; without it as many as it can. */
  readonly rate?: number;
}

const wordsOf = ({ port, queries, core, limit, edns, tcp, rate }: LoadOptions): string[] => [
  ...['taskset', '-c', String(core)],
  ...['dnsperf', '-s', '127.0.0.1', '-p', String(port), '-d', queries, '-c', '10', '-T', '1'],
  ...(limit === 'once' ? ['-n', '1'] : ['-l', String(limit)]),
  ...(edns === true ? ['-e'] : []),
  ...(tcp === true ? ['-m', 'tcp'] : []),
  ...(rate === undefined ? [] : ['-Q', String(Math.round(rate))]),
];

export async function runDnsperf(options: LoadOptions): Promise<LoadResult> {
  const [program = '', ...args] = wordsOf(options);
  return parseDnsperf(await must(program, args));
}

/** The time that queries took, by percentile, in microseconds. @param file scratch space */
export async function latencies(
  options: LoadOptions & { readonly rate: number },
  file: string,
): Promise<{ readonly p50: number; readonly p99: number }> {
  // One line for each query: too much for a pipe of this process, whose core the load has.
  await must('sh', ['-c', 'exec "$@" > "$0"', file, ...wordsOf(options), '-v']);
  const times: number[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [, seconds] = /^> [A-Z]+ \S+ \S+ ([\d.]+)$/.exec(line) ?? [];
    if (seconds !== undefined) times.push(Number(seconds) * 1e6);
  }
  await rm(file);
  if (times.length === 0) throw new Error('dnsperf told no latencies');
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Reads the statistics that dnsperf prints at its end. */
export function parseDnsperf(output: string): LoadResult {
  const number = (pattern: RegExp): number => {
    const [, found] = pattern.exec(output) ?? [];
    if (found === undefined) throw new Error(`dnsperf printed no ${pattern.source}:\n${output}`);
    return Number(found);
  };
  const completed = number(/Queries completed: +(\d+)/);
  const codes = /Response codes: +(.*)/.exec(output)?.[1] ?? '';
  const good = [...codes.matchAll(/(?:NOERROR|NXDOMAIN) (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  return {
    queriesPerSecond: number(/Queries per second: +([\d.]+)/),
    completed,
    lost: number(/Queries lost: +(\d+)/),
    failed: completed - good,
  };
}
