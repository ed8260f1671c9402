/** What must be reached (see docs/explanation/performance.md), as ratios of medians over rounds. */

export interface Target {
  readonly what: string;
  /** Of queries per second, by server and load; or of the 99th percentile of latency at half load. */
  readonly of: 'rate' | 'p99';
  readonly over: readonly [server: string, load: string];
  readonly under: readonly [server: string, load: string];
  readonly atLeast?: number;
  readonly atMost?: number;
}

const rate = (what: string, over: Target['over'], under: Target['under'], atLeast: number): Target => ({
  what,
  of: 'rate',
  over,
  under,
  atLeast,
});

export const targets: readonly Target[] = [
  ...['a', 'a-edns'].flatMap((load) => [
    rate(`batched to Knot, ${load}`, ['pharos-1', load], ['knot', load], 0.95),
    rate(`batched to CoreDNS, ${load}`, ['pharos-1', load], ['coredns', load], 3.5),
    rate(`dgram to Knot, ${load}`, ['pharos-dgram', load], ['knot', load], 0.55),
    rate(`dgram to CoreDNS, ${load}`, ['pharos-dgram', load], ['coredns', load], 2),
  ]),
  rate('random NXDOMAIN to A, batched', ['pharos-1', 'nxdomain'], ['pharos-1', 'a'], 0.8),
  rate('random NXDOMAIN to A, dgram', ['pharos-dgram', 'nxdomain'], ['pharos-dgram', 'a'], 0.8),
  rate(
    '100 changes a second to none',
    ['pharos-changing', 'mixed-changing'],
    ['pharos-changing', 'mixed'],
    0.9,
  ),
  rate('two workers to one', ['pharos-2', 'a'], ['pharos-1', 'a'], 1.7),
  { what: 'p99 at half load to Knot', of: 'p99', over: ['pharos-1', 'a'], under: ['knot', 'a'], atMost: 1.5 },
];
