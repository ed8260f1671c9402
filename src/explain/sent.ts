import type { Answer } from '../zone/records.ts';
import type { Sent } from './explanation.ts';
import { recordText } from './record-text.ts';

/** An answer as its message's sections have it. */
export function sentAnswer(answer: Answer): Sent {
  const ede = answer.ede && { ede: answer.ede };
  const none = { answer: [], authority: [], additional: [] };
  switch (answer.kind) {
    case 'records':
      return {
        rcode: 'NOERROR',
        answer: answer.answer.map(recordText),
        authority: [],
        additional: answer.additional.map(recordText),
        ttl: Math.min(...answer.answer.map(({ ttl }) => ttl)),
        ...ede,
      };
    case 'nodata':
    case 'nxdomain':
      return {
        rcode: answer.kind === 'nodata' ? 'NOERROR' : 'NXDOMAIN',
        answer: [],
        authority: [recordText(answer.soa)],
        additional: [],
        ttl: answer.soa.ttl,
        ...ede,
      };
    case 'refused':
      return { rcode: 'REFUSED', ...none, ...ede };
    case 'not-synced':
      return { rcode: 'SERVFAIL', ...none, ...ede };
    default:
      return answer satisfies never;
  }
}
