import type { ResourceRecord } from './records.ts';

/** A server to point to, before its RRset is known. */
export interface SrvTarget {
  readonly target: string;
  readonly port: number;
  /** Positive integer, relative to the others. */
  readonly weight: number;
}

/** Weights of an RRset share this many in proportion, as those of in-cluster DNS do. */
const SHARED = 100;

/**
 * One SRV record per target, priority 0. Weights share 100; where they are more than that together they
 * stand as they are, so that the proportion stays exact in large sets and none falls to 0, which would
 * mean "hardly ever" (RFC 2782).
 *
 * @param targets each target and port once: no RRset holds two equal records (RFC 2181, 5)
 */
export function srvRecords(
  name: string,
  ttl: number,
  targets: readonly SrvTarget[],
): readonly ResourceRecord[] {
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  const scale = sum < SHARED ? SHARED / sum : 1;
  return targets.map(({ target, port, weight }) => ({
    name,
    ttl,
    type: 'SRV',
    priority: 0,
    weight: Math.floor(weight * scale),
    port,
    target,
  }));
}
