import type { ResourceRecord } from './records.ts';

/** Secondaries look for a new serial this often, in seconds; the zone changes by the minute. */
const REFRESH = 60;
const RETRY = 10;
/** Seconds after which a secondary that cannot reach the zone stops answering for it. */
const EXPIRE = 86400;

export const nameServerOf = (origin: string): string => `ns.dns.${origin}`;

/**
 * The SOA of a zone. Its TTL and its minimum are both the zone's TTL, which is then that of negative
 * answers (RFC 2308, 5).
 *
 * @param owner the zone's apex
 * @param origin the clusterset zone that has the name server and the mailbox
 */
export const soaRecord = (owner: string, origin: string, serial: number, ttl: number): ResourceRecord => ({
  name: owner,
  ttl,
  type: 'SOA',
  primary: nameServerOf(origin),
  mailbox: `hostmaster.${origin}`,
  serial,
  refresh: REFRESH,
  retry: RETRY,
  expire: EXPIRE,
  minimum: ttl,
});
