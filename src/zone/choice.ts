import { canonicalIp, ipFamily } from '../api/ip.ts';
import type { Policy } from './import-model.ts';
import type { Asker } from './records.ts';
import { greatestCommonDivisor } from './rotation.ts';

/** A cluster that may be chosen. */
export interface Candidate {
  readonly id: string;
  readonly own: boolean;
  /** Positive integer. */
  readonly weight: number;
}

/** All that choosing needs, made when the candidates change; no candidate = nothing to choose. */
export interface Choice<C extends Candidate> {
  readonly policy: Policy;
  /** The clusters that the policy leaves to choose from, sorted by id. */
  readonly candidates: readonly C[];
  /** Indexes into `candidates`, one per turn; repeats at its end. */
  readonly sequence: readonly number[];
}

// Nearly all choices are between none, or are of one: those share what they have in common.
const ONCE: readonly number[] = [0];
const none = (policy: Policy): Choice<never> => ({ policy, candidates: [], sequence: [] });
const NO_CHOICE = { local: none('local'), weighted: none('weighted'), all: none('all') };

/** @param candidates sorted by id */
export function makeChoice<C extends Candidate>(candidates: readonly C[], policy: Policy): Choice<C> {
  const [only] = candidates;
  if (only === undefined) return NO_CHOICE[policy];
  if (candidates.length === 1) return { policy, candidates, sequence: ONCE };
  const own = policy === 'local' ? candidates.filter((candidate) => candidate.own) : [];
  const eligible = own.length > 0 ? own : candidates;
  return { policy, candidates: eligible, sequence: smoothSequence(eligible.map(({ weight }) => weight)) };
}

export interface Chosen<C> {
  /** The clusters whose addresses are answered, first choice first: one, or under policy `all` each. */
  readonly clusters: readonly C[];
  readonly period: number;
  readonly perClient: boolean;
}

/**
 * The clusters for this asker. By turn, unless `salt` is given (session affinity): then by the client's
 * address alone, so that it stays with its cluster; an asker without an address goes by turn.
 *
 * @param salt distinguishes services, so that not all of a client's services go to one cluster
 */
export function choose<C extends Candidate>(
  choice: Choice<C>,
  salt: string | undefined,
  asker: Asker,
): Chosen<C> {
  const { candidates, sequence, policy } = choice;
  if (asker.whole === true) return { clusters: candidates, period: 1, perClient: false };
  const perClient = salt !== undefined && candidates.length > 1;
  if (perClient && asker.client !== undefined) {
    const order = byRendezvous(candidates, `${salt}|${clientKey(asker.client)}`);
    return { clusters: policy === 'all' ? order : order.slice(0, 1), period: 1, perClient };
  }
  const first = sequence[asker.turn % sequence.length] ?? 0;
  const clusters =
    policy === 'all'
      ? [...candidates.slice(first), ...candidates.slice(0, first)]
      : candidates.slice(first, first + 1);
  return { clusters, period: Math.max(sequence.length, 1), perClient };
}

/**
 * Which index comes at which turn so that index i comes `weights[i]` times in each period, spread as
 * evenly as whole turns allow. The period is the sum of the weights divided by their common divisor; a
 * window of that many turns, wherever it begins, holds each index exactly that often.
 *
 * Smooth weighted round robin: each turn every credit grows by its weight, the richest (the first among
 * equals) is taken and pays the sum of all.
 *
 * @param weights positive integers
 */
export function smoothSequence(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  const shares = weights.map((weight) => weight / divisor);
  const period = shares.reduce((sum, share) => sum + share, 0);
  const credits = shares.map(() => 0);
  const sequence: number[] = [];
  for (let turn = 0; turn < period; turn++) {
    let richest = 0;
    for (const [index, share] of shares.entries()) {
      credits[index] = (credits[index] ?? 0) + share;
      if ((credits[index] ?? 0) > (credits[richest] ?? 0)) richest = index;
    }
    credits[richest] = (credits[richest] ?? 0) - period;
    sequence.push(richest);
  }
  return sequence;
}

/**
 * Weighted rendezvous hashing (highest random weight): each candidate draws a number from the client's
 * key and its own id; the order by these numbers. A candidate that goes takes nothing but itself out of
 * the order, so only the clients whose first it was move, and they spread by weight.
 */
function byRendezvous<C extends Candidate>(candidates: readonly C[], key: string): readonly C[] {
  return candidates
    .map((candidate) => ({ candidate, score: score(`${key}|${candidate.id}`, candidate.weight) }))
    .sort((a, b) => b.score - a.score || (a.candidate.id < b.candidate.id ? -1 : 1))
    .map(({ candidate }) => candidate);
}

/** -weight / ln(u) for a uniform u in (0, 1): the greatest wins in proportion to the weights. */
const score = (key: string, weight: number): number => -weight / Math.log((hash32(key) + 0.5) / 2 ** 32);

/** FNV-1a over the UTF-16 code units, then MurmurHash3's final mix: short similar keys must spread well. */
function hash32(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** One key per host: an IPv4 client is the same one when a dual-stack socket shows it as ::ffff:a.b.c.d. */
function clientKey(client: string): string {
  const address =
    client.startsWith('::ffff:') && client.includes('.') ? client.slice('::ffff:'.length) : client;
  return ipFamily(address) === undefined ? address : canonicalIp(address);
}
