/** The DNS server's counters as metrics. */
import type { MetricSource, Sample } from '../observability/metric-source.ts';
import { type Counters, DURATION_BOUNDS } from './counters.ts';
import { FastCount } from './fast/fast-counts.ts';
import { Rcode } from './header.ts';
import type { WireCache } from './wire-cache.ts';

// Response codes by the names that IANA's registry gives them.
const RCODE_NAMES: readonly (readonly [name: string, rcode: Rcode])[] = [
  ['NOERROR', Rcode.noError],
  ['FORMERR', Rcode.formErr],
  ['SERVFAIL', Rcode.servFail],
  ['NXDOMAIN', Rcode.nxDomain],
  ['NOTIMP', Rcode.notImp],
  ['REFUSED', Rcode.refused],
  ['BADVERS', Rcode.badVers],
  ['BADCOOKIE', Rcode.badCookie],
];

export function dnsMetrics({
  counters,
  cache,
  udpWorkers = 0,
}: {
  counters: Counters;
  cache: WireCache;
  udpWorkers?: number;
}): MetricSource[] {
  const counter = (name: string, help: string, read: () => number): MetricSource => ({
    name: `pharos_dns_${name}`,
    help,
    type: 'counter',
    read,
  });
  const gauge = (name: string, help: string, read: () => number): MetricSource => ({
    ...counter(name, help, read),
    type: 'gauge',
    read,
  });
  return [
    {
      name: 'pharos_dns_queries_total',
      help: 'Messages received.',
      type: 'counter',
      labels: ['transport'],
      read: (): Sample[] =>
        Object.entries(counters.queries).map(([transport, value]) => ({
          labels: { transport },
          value: value + (transport === 'udp' ? counters.fastSum(FastCount.queries) : 0),
        })),
    },
    {
      name: 'pharos_dns_responses_total',
      help: 'Responses sent.',
      type: 'counter',
      labels: ['rcode'],
      read: (): Sample[] =>
        RCODE_NAMES.map(([rcode, number]) => ({ labels: { rcode }, value: counters.responsesOf(number) })),
    },
    counter(
      'truncated_responses_total',
      'Responses that did not fit and went out empty with TC.',
      () => counters.truncated + counters.fastSum(FastCount.truncated),
    ),
    counter(
      'dropped_messages_total',
      'Messages that got no response: too short, responses themselves, from port 0.',
      () => counters.dropped + counters.fastSum(FastCount.dropped),
    ),
    {
      name: 'pharos_dns_rate_limited_total',
      help: 'Queries over the rate limit: slipped ones were told to come over TCP or with a cookie, dropped ones nothing.',
      type: 'counter',
      labels: ['action'],
      read: (): Sample[] => [
        { labels: { action: 'slip' }, value: counters.rateSlipped + counters.fastSum(FastCount.rateSlipped) },
        { labels: { action: 'drop' }, value: counters.rateDropped + counters.fastSum(FastCount.rateDropped) },
      ],
    },
    counter(
      'failures_total',
      'Queries whose answering failed by a bug and were told SERVFAIL.',
      () => counters.failures,
    ),
    counter(
      'socket_errors_total',
      'Errors that the system reported on sockets.',
      () => counters.socketErrors + counters.fastSum(FastCount.lost),
    ),
    counter(
      'cache_hits_total',
      'Queries answered from finished bytes.',
      () => counters.cacheHits + counters.fastSum(FastCount.queries),
    ),
    counter('cache_misses_total', 'Queries whose answer had to be computed.', () => counters.cacheMisses),
    gauge(
      'udp_workers',
      'Threads that answer UDP in batches; 0 = it is answered packet by packet.',
      () => udpWorkers,
    ),
    gauge('cache_entries', 'Questions whose answers are kept.', () => cache.entries),
    gauge('cache_bytes', 'Bytes of kept answers, with an allowance for bookkeeping.', () => cache.bytes),
    gauge('tcp_connections', 'TCP connections open now.', () => counters.tcpOpen),
    counter('tcp_connections_total', 'TCP connections accepted.', () => counters.tcpAccepted),
    counter(
      'tcp_connections_refused_total',
      'TCP connections closed at once, over a limit.',
      () => counters.tcpRefused,
    ),
    counter(
      'tcp_connections_timed_out_total',
      'TCP connections closed for silence, or for not reading answers.',
      () => counters.tcpTimedOut,
    ),
    gauge(
      'shim_sessions',
      'CoreDNS plugins that keep answers and are told of changes.',
      () => counters.shimSessions,
    ),
    counter(
      'shim_sessions_cut_off_total',
      'Sessions of CoreDNS plugins closed because the plugin did not read.',
      () => counters.shimCutOff,
    ),
    {
      name: 'pharos_dns_answer_duration_seconds',
      help: 'Time from reading a query to having its response, without waiting in sockets; one query in 64 is timed.',
      type: 'histogram',
      read: () => ({ bounds: DURATION_BOUNDS, counts: counters.durations, sum: counters.durationSum }),
    },
  ];
}
