import { PacketTable } from '../../../../src/dns/fast/packet-table.ts';
import { TableFeed } from '../../../../src/dns/fast/table-feed.ts';
import { MAX_MESSAGE } from '../../../../src/dns/header.ts';
import type { Client } from '../../../../src/dns/client.ts';
import { type RateLimit, RateLimiter, sharedRateLimit } from '../../../../src/dns/rate-limit.ts';
import { defaultProtocol } from '../../../../src/dns/protocol.ts';
import { createResponder, RESPONSE_ROOM } from '../../../../src/dns/respond.ts';
import { Counters } from '../../../../src/dns/counters.ts';
import { WireCache } from '../../../../src/dns/wire-cache.ts';
import { MessageWriter } from '../../../../src/dns/writer.ts';
import type { AnswerSource } from '../../../../src/zone/records.ts';

/** The UDP path with a table of finished answers before the responder, without sockets. */
export function fastPath(source: AnswerSource, tableBytes = 1024 * 1024, rateLimit?: RateLimit) {
  const counters = new Counters();
  const cache = new WireCache(source, { entries: 1000, bytes: 1e6 });
  const feed = new TableFeed(source, 0x5eed, new MessageWriter(Buffer.alloc(MAX_MESSAGE)));
  const limiter = rateLimit && new RateLimiter(sharedRateLimit(rateLimit));
  const table = new PacketTable(tableBytes, limiter);
  feed.attach(table.table);
  const failures: unknown[] = [];
  const respond = createResponder({
    source,
    cache,
    counters,
    feed,
    limiter,
    protocol: defaultProtocol(),
    onFailure: (error) => failures.push(error),
  });
  const out = Buffer.alloc(RESPONSE_ROOM.udp);
  /** The response, and whether it came from the table. */
  const send = (
    message: Buffer,
    client: Client = { address: '192.0.2.1' },
  ): { readonly response: Buffer | undefined; readonly fast: boolean } => {
    const answer = table.answer(message, client.address);
    if (answer !== undefined) {
      return { response: answer.length === 0 ? undefined : Buffer.from(answer), fast: true };
    }
    const length = respond(message, message.length, client, 'udp', out, table.miss);
    return { response: length === 0 ? undefined : Buffer.from(out.subarray(0, length)), fast: false };
  };
  return { send, respond, counters, table, feed, failures };
}
