/** What a hit may cost, without a clock: nothing that leaves the path, and no memory. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { Packet } from 'dns2';
import { UdpListener } from '../../../../src/dns/udp.ts';
import { command } from '../../../lab/command.ts';
import { zoneOf } from '../../zone/driver.ts';
import { fastPath } from '../support/fast.ts';
import { query } from '../support/messages.ts';

test('a hit enters neither the responder, nor the zone, nor the parser of dns2', async () => {
  const zone = zoneOf({ 'shop/web': { from: { west: { ips: ['10.96.0.1'] } } } });
  const { table, respond, counters } = fastPath(zone);
  const answers = mock.method(zone, 'answer');
  const parses = mock.method(Packet, 'parse');
  const responses = mock.fn(respond);
  const listener = new UdpListener('udp4', { respond: responses, counters, reusePort: false, table });
  const listening = once(listener, 'listening');
  listener.bind(0, '127.0.0.1');
  await listening;
  const sends = mock.method(listener, 'send', () => {});
  const client = { address: '127.0.0.1', port: 5300, family: 'IPv4' as const, size: 0 };
  for (const [name, misses] of [
    ['web.shop.svc.clusterset.local', 1],
    ['nothing.shop.svc.clusterset.local', 0],
  ] as const) {
    answers.mock.resetCalls();
    responses.mock.resetCalls();
    sends.mock.resetCalls();
    for (let n = 0; n < 1000; n++) listener.handle(query({ name }), client);
    assert.equal(answers.mock.callCount(), misses, name);
    assert.equal(responses.mock.callCount(), misses, name);
    assert.equal(parses.mock.callCount(), 0, name);
    assert.equal(sends.mock.callCount(), 1000, name);
  }
  parses.mock.restore();
  listener.close();
});

test('a million hits make no garbage', async () => {
  const script = join(import.meta.dirname, '../support/million-hits.ts');
  const { code, stdout, stderr } = await command(process.execPath, ['--trace-gc', script]);
  assert.equal(code, 0, stderr);
  const [, meanwhile = '', answered] = /^start\n(.*)^end (\d+)$/ms.exec(stdout) ?? [];
  assert.equal(answered, '1000000', stdout);
  // One collection may be due at any time; an object per hit would be tens of them.
  const collections = meanwhile.split('\n').filter((line) => / ms: (Scavenge|Mark-Compact)/.test(line));
  assert.ok(collections.length <= 1, meanwhile);
});
