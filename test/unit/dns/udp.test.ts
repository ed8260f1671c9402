import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { PacketTable } from '../../../src/dns/fast/packet-table.ts';
import { UdpListener } from '../../../src/dns/udp.ts';
import { a, FakeSource, records } from './support/fake-source.ts';
import { query, queryPath } from './support/messages.ts';

test('a query from port 0, which nothing can be sent to, is dropped', async () => {
  // No socket here can send one, so it is handed over as dgram would.
  const { respond, counters } = queryPath(new FakeSource((name) => records([a(name, '192.0.2.1')])));
  const listener = new UdpListener('udp4', {
    respond,
    counters,
    reusePort: false,
    table: new PacketTable(1024),
  });
  const listening = once(listener, 'listening');
  listener.bind(0, '127.0.0.1');
  await listening;
  const message = query();
  listener.handle(message, { address: '127.0.0.1', port: 0, family: 'IPv4', size: message.length });
  assert.deepEqual([counters.dropped, counters.queries.udp], [1, 0]);
  listener.close();
});
