/**
 * What the DNS server counts: plain numbers, raised on the query path and read when metrics are scraped.
 */
import { FastCount, type FastCounts } from './fast/fast-counts.ts';
import { Rcode } from './header.ts';

export type Transport = 'udp' | 'tcp';

/** Upper bounds of the buckets of {@link Counters.durations}, in seconds; the last bucket has none. */
export const DURATION_BOUNDS: readonly number[] = [
  0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.01,
];

/** Tables know the response codes that fit into a header. */
const FAST_RCODES = 16;

export class Counters {
  /** Messages that arrived. */
  readonly queries: Record<Transport, number> = { udp: 0, tcp: 0 };
  /** Responses by response code. */
  readonly responses = new Float64Array(Rcode.badCookie + 1);
  /** Answers that did not fit and went out empty with TC. */
  truncated = 0;
  /** Messages that got no response: too short, responses themselves, or from port 0. */
  dropped = 0;
  /** Queries over the rate limit: those told to come over TCP or with a cookie, and those told nothing. */
  rateSlipped = 0;
  rateDropped = 0;
  /** Queries whose answering threw: bugs. */
  failures = 0;
  /** Receiving and sending that the system refused. */
  socketErrors = 0;
  cacheHits = 0;
  cacheMisses = 0;
  /** Connections over TCP now, and how many ended by a rule of ours. */
  tcpOpen = 0;
  tcpAccepted = 0;
  tcpRefused = 0;
  tcpTimedOut = 0;
  /** Sessions of CoreDNS plugins now, and how many ended because the plugin did not read. */
  shimSessions = 0;
  shimCutOff = 0;
  /** Time to answer, of every 64th query: number by bucket, and the sum in seconds. */
  readonly durations = new Float64Array(DURATION_BOUNDS.length + 1);
  durationSum = 0;
  /** Of the queries that were answered from tables of finished answers; the numbers above are without them. */
  readonly fast: FastCounts[] = [];

  /** The sum over all tables. */
  fastSum(count: number): number {
    return this.fast.reduce((sum, counts) => sum + counts[count]!, 0);
  }

  /** Responses by response code, those from tables included. */
  responsesOf(rcode: Rcode): number {
    const fast = rcode < FAST_RCODES ? this.fastSum(FastCount.firstRcode + rcode) : 0;
    return this.responses[rcode]! + fast;
  }
}
