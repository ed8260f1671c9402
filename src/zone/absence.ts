import { ReasonCode } from './reasons.ts';
import type { ExtendedError } from './records.ts';
import type { Member, Standing } from './service.ts';

/** INFO-CODEs of RFC 8914. */
export const EdeCode = {
  stale: 3,
  notReady: 14,
  prohibited: 18,
  notAuthoritative: 20,
  notSupported: 21,
  noReachableAuthority: 22,
} as const;

/** More clusters than this are only counted in a text: it travels in a UDP answer. */
const NAMED = 4;
/** Someone else's words (a gateway's reason, an administrator's) are cut after this many characters. */
const WORDS = 60;

/** Why none of these clusters answers for `what`: a reason, a sentence, and the same as an EDE. */
export function whyNone(
  what: string,
  members: readonly Member[],
): { readonly reason: ReasonCode; readonly detail: string; readonly ede: ExtendedError } {
  const causes = members.slice(0, NAMED).map(({ id, standing }) => `${id}: ${inWords(standing)}`);
  if (members.length > NAMED) causes.push(`and ${members.length - NAMED} more`);
  const ready = members.some(({ standing }) => standing.is !== 'not-ready');
  const detail =
    `${what} has ${ready ? 'no cluster to answer with' : 'no ready endpoint'}` +
    (causes.length > 0 ? ` (${causes.join('; ')})` : ' (no cluster has sent any)');
  return {
    reason: ready ? ReasonCode.noReachableCluster : ReasonCode.noReadyEndpoint,
    detail,
    ede: { code: EdeCode.noReachableAuthority, text: detail },
  };
}

function inWords(standing: Standing): string {
  switch (standing.is) {
    case 'counted':
      return 'no ready endpoint of this family';
    case 'not-ready':
      return 'no ready endpoint';
    case 'drained':
      return (standing.why ?? 'drained').slice(0, WORDS);
    case 'unreachable':
      return `unreachable, ${standing.why.slice(0, WORDS)}`;
    default:
      return standing satisfies never;
  }
}
