import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { type DnsServer, startDnsServer } from '../../../src/dns/server.ts';
import type { TcpLimits } from '../../../src/dns/connections.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { framed, TcpClient } from './support/clients.ts';
import { a, address, FakeSource, records } from './support/fake-source.ts';
import { query, uint16s } from './support/messages.ts';
import { proxyHeader } from './support/proxy-header.ts';

const source = new FakeSource((name) => {
  const count = Number(name.split('.')[0]);
  return records(Array.from({ length: Number.isNaN(count) ? 1 : count }, (_, n) => a(name, address(n))));
});

const start = (limits: Partial<TcpLimits> = {}): Promise<DnsServer> =>
  startDnsServer({ source, listen: [{ address: '127.0.0.1', port: 0 }], log: silentLog, limits });

const where = (server: DnsServer) => server.addresses[0]!;

/** Fulfilled when the counters say so; they change with events of the same process. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** How many queries over TCP were answered when no more of them are. */
async function settled({ counters }: DnsServer): Promise<number> {
  for (let before = -1; before !== counters.queries.tcp || before === 0;) {
    before = counters.queries.tcp;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return counters.queries.tcp;
}

test('queries in one go are all answered, in order', async () => {
  await using server = await start();
  await using client = await TcpClient.open(where(server));
  const ids = Array.from({ length: 500 }, (_, n) => n);
  client.write(...ids.map((id) => framed(query({ id }))));
  for (const id of ids) assert.equal((await client.next()).bytes.readUInt16BE(0), id);
});

test('a query in single bytes is answered', async () => {
  await using server = await start();
  await using client = await TcpClient.open(where(server));
  client.socket.setNoDelay(true);
  for (const byte of framed(query({ id: 9 }))) {
    client.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await client.next()).bytes.readUInt16BE(0), 9);
});

test('a query cut anywhere, with the next one behind it, is answered', async () => {
  await using server = await start();
  await using client = await TcpClient.open(where(server));
  client.socket.setNoDelay(true);
  const both = Buffer.concat([framed(query({ id: 1 })), framed(query({ id: 2 }))]);
  for (let cut = 1; cut < both.length; cut += 7) {
    client.write(both.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    client.write(both.subarray(cut));
    assert.equal((await client.next()).bytes.readUInt16BE(0), 1);
    assert.equal((await client.next()).bytes.readUInt16BE(0), 2);
  }
});

test('a client that has said all before its answers came gets them, and then the end', async () => {
  await using server = await start();
  await using client = await TcpClient.open(where(server));
  client.socket.end(Buffer.concat([framed(query({ id: 1 })), framed(query({ id: 2 }))]));
  assert.equal((await client.next()).bytes.readUInt16BE(0), 1);
  assert.equal((await client.next()).bytes.readUInt16BE(0), 2);
  await client.closed;
});

test('messages that get no answer, and malformed ones, leave the connection up', async () => {
  await using server = await start();
  await using client = await TcpClient.open(where(server));
  client.write(framed(Buffer.alloc(0)), framed(Buffer.alloc(5)), framed(query({ flags: 0x8000 })));
  client.write(framed(query({ id: 3 }).subarray(0, 20)), framed(query({ id: 4 })));
  const first = await client.next();
  assert.deepEqual([first.bytes.readUInt16BE(0), first.rcode], [3, 1]);
  assert.equal((await client.next()).bytes.readUInt16BE(0), 4);
});

for (const [who, bytes] of Object.entries({
  'that says nothing': Buffer.alloc(0),
  'that sends half a length': Buffer.from([0]),
  'that sends half a query': framed(query()).subarray(0, 20),
})) {
  test(`a client ${who} is closed after the idle time, and others are answered meanwhile`, async () => {
    await using server = await start({ idleMs: 400 });
    await using client = await TcpClient.open(where(server));
    client.write(bytes);
    await using other = await TcpClient.open(where(server));
    assert.equal((await other.ask(query())).answers?.length, 1);
    await client.closed;
    assert.ok(server.counters.tcpTimedOut >= 1);
  });
}

test('a client that sends a byte now and then is closed all the same', async () => {
  await using server = await start({ idleMs: 100 });
  await using client = await TcpClient.open(where(server));
  const bytes = framed(query({ name: 'x'.repeat(60) }));
  let at = 0;
  const drip = setInterval(() => client.write(bytes.subarray(at, ++at)), 10);
  await client.closed;
  clearInterval(drip);
  assert.ok(at < bytes.length);
  assert.equal(server.counters.tcpTimedOut, 1);
});

test('whole queries keep a connection up beyond the idle time', async () => {
  await using server = await start({ idleMs: 800 });
  await using client = await TcpClient.open(where(server));
  const began = performance.now();
  while (performance.now() - began < 1600) {
    assert.equal((await client.ask(query())).answers?.length, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(server.counters.tcpTimedOut, 0);
});

test('connections over the limit of one client are refused, and another client is not', async () => {
  await using server = await start({ connectionsPerClient: 2 });
  await using first = await TcpClient.open(where(server));
  await using second = await TcpClient.open(where(server));
  await using refused = await TcpClient.open(where(server));
  await refused.closed;
  await using other = await TcpClient.open(where(server), '127.0.0.2');
  for (const client of [first, second, other]) assert.equal((await client.ask(query())).answers?.length, 1);
  assert.deepEqual([server.counters.tcpRefused, server.counters.tcpOpen], [1, 3]);

  first.socket.destroy();
  await until(() => server.counters.tcpOpen === 2);
  await using again = await TcpClient.open(where(server));
  assert.equal((await again.ask(query())).answers?.length, 1);
});

test('connections over the limit of all clients are refused', async () => {
  await using server = await start({ connections: 2 });
  await using first = await TcpClient.open(where(server), '127.0.0.2');
  await using second = await TcpClient.open(where(server), '127.0.0.3');
  await using refused = await TcpClient.open(where(server), '127.0.0.4');
  await refused.closed;
  for (const client of [first, second]) assert.equal((await client.ask(query())).answers?.length, 1);
});

test('connections that stay half open make room for those who ask, however many there are', async () => {
  await using server = await start({ connections: 8, yieldMs: 50 });
  await using busy = await TcpClient.open(where(server), '127.0.0.9');
  const flood: TcpClient[] = [];
  for (let n = 0; n < 40; n++) {
    const client = await TcpClient.open(where(server), `127.0.0.${10 + n}`);
    client.write(Buffer.from([0]));
    flood.push(client);
    assert.equal((await busy.ask(query())).answers?.length, 1);
    if (n % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await new Promise((resolve) => setTimeout(resolve, 60));
  await using late = await TcpClient.open(where(server), '127.0.0.8');
  assert.equal((await late.ask(query())).answers?.length, 1);
  assert.equal(
    (await busy.ask(query())).answers?.length,
    1,
    'who asks again and again is never the one to go',
  );
  assert.ok(server.counters.tcpOpen <= 8);
  for (const client of flood) await client[Symbol.asyncDispose]();
});

test('a server that closes answers what its clients still ask, and ends when they are quiet', async () => {
  const server = await start();
  await using client = await TcpClient.open(where(server));
  assert.equal((await client.ask(query({ id: 1 }))).answers?.length, 1);
  const closed = server.close();
  assert.equal((await client.ask(query({ id: 2 }))).answers?.length, 1);
  await Promise.all([closed, client.closed]);
});

test('a client that reads no answers is asked to wait, then closed; nothing piles up', async () => {
  await using server = await start({ idleMs: 300 });
  await using client = await TcpClient.open(where(server));
  client.socket.pause();
  const large = framed(query({ name: '4000.clusterset.local' }));
  const many = Buffer.concat(Array.from({ length: 1500 }, () => large));
  for (let n = 0; n < 500; n++) client.write(many);
  let left = 0;
  await until(() => {
    left = client.socket.writableLength || left;
    return server.counters.tcpTimedOut === 1;
  });
  assert.ok(server.counters.queries.tcp < 500, `${server.counters.queries.tcp} queries were answered`);
  // What the kernel has no room for is still the client's.
  assert.ok(left > 8e6, `${left} bytes were not taken`);
  await until(() => server.counters.tcpOpen === 0);
});

test('a client that reads late gets everything', async () => {
  await using server = await start();
  await using client = await TcpClient.open(where(server));
  client.socket.pause();
  const count = 200;
  client.write(
    ...Array.from({ length: count }, (_, id) => framed(query({ id, name: '2000.clusterset.local' }))),
  );
  await until(() => server.counters.queries.tcp > 0);
  client.socket.resume();
  for (let id = 0; id < count; id++) {
    const { bytes, answers } = await client.next();
    assert.deepEqual([bytes.readUInt16BE(0), answers?.length], [id, 2000]);
  }
});

test(
  'a client that says its last words while it is made to wait gets everything, and then the end',
  {
    timeout: 30_000,
  },
  async () => {
    await using server = await start({ idleMs: 60_000 });
    await using client = await TcpClient.open(where(server));
    client.socket.pause();
    const count = 600;
    const queries = Array.from({ length: count }, (_, id) =>
      framed(query({ id, name: '3000.clusterset.local' })),
    );
    client.write(...queries.slice(0, count / 2));
    await settled(server);
    client.socket.end(Buffer.concat(queries.slice(count / 2)));
    await settled(server);
    client.socket.resume();
    for (let id = 0; id < count; id++) assert.equal((await client.next()).bytes.readUInt16BE(0), id);
    await client.closed;
  },
);

test('clients that leave in the middle leave nothing behind', async () => {
  await using server = await start();
  for (let n = 0; n < 20; n++) {
    const client = await TcpClient.open(where(server));
    client.write(framed(query({ name: '3000.clusterset.local' })), uint16s(50));
    if (n % 2 === 0) client.socket.resetAndDestroy();
    else client.socket.destroy();
    await client.closed;
  }
  await until(() => server.counters.tcpAccepted === 20 && server.counters.tcpOpen === 0);
  await using client = await TcpClient.open(where(server));
  assert.equal((await client.ask(query())).answers?.length, 1);
});

test('closing the server lets the answers go out that it has given', async () => {
  const server = await start();
  const client = await TcpClient.open(where(server));
  client.socket.pause();
  const message = framed(query({ name: '3000.clusterset.local' }));
  client.write(...Array.from({ length: 1000 }, () => message));
  const given = await settled(server);
  assert.ok(given < 1000);
  const closed = server.close();
  client.socket.resume();
  for (let n = 0; n < given; n++) assert.equal((await client.next()).answers?.length, 3000);
  await Promise.all([closed, client.closed]);
});

test('closing the server does not wait for clients that read nothing', async () => {
  const server = await start();
  const client = await TcpClient.open(where(server));
  client.socket.pause();
  client.write(...Array.from({ length: 500 }, () => framed(query({ name: '4000.clusterset.local' }))));
  await until(() => server.counters.queries.tcp > 0);
  await server.close();
  client.socket.destroy();
  await once(client.socket, 'close');
});

suite('a trusted load balancer', () => {
  const asked: (string | undefined)[] = [];
  const spy = new FakeSource((name, { client }) => {
    asked.push(client);
    return records([a(name, '192.0.2.1')], { perClient: true });
  });
  const startTrusting = (limits: Partial<TcpLimits> = {}): Promise<DnsServer> =>
    startDnsServer({
      source: spy,
      listen: [{ address: '127.0.0.1', port: 0 }],
      log: silentLog,
      limits,
      protocol: { trusts: (address) => address === '127.0.0.1' },
    });

  test('says who asks, before the first query, however the stream is cut', async () => {
    await using server = await startTrusting();
    asked.length = 0;
    const stream = Buffer.concat([
      proxyHeader('203.0.113.7'),
      framed(query({ id: 1 })),
      framed(query({ id: 2 })),
    ]);
    for (let cut = 1; cut < stream.length; cut += 5) {
      await using client = await TcpClient.open(where(server));
      client.socket.setNoDelay(true);
      client.write(stream.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.write(stream.subarray(cut));
      await client.next();
      await client.next();
    }
    assert.deepEqual(new Set(asked), new Set(['203.0.113.7']));
  });

  test('may ask for itself, and a broken header ends its connection', async () => {
    await using server = await startTrusting();
    asked.length = 0;
    await using client = await TcpClient.open(where(server));
    await client.ask(query());
    assert.deepEqual(asked, ['127.0.0.1']);
    await using broken = await TcpClient.open(where(server));
    const header = proxyHeader('203.0.113.7');
    header[12] = 0x99;
    broken.write(header);
    await broken.closed;
  });

  test('has no limit itself, and each of its clients has', async () => {
    await using server = await startTrusting({ connectionsPerClient: 1 });
    const open = async (address: string): Promise<TcpClient> => {
      const client = await TcpClient.open(where(server));
      client.write(proxyHeader(address), framed(query()));
      return client;
    };
    await using first = await open('203.0.113.7');
    await first.next();
    await using second = await open('203.0.113.8');
    await second.next();
    await using refused = await open('203.0.113.7');
    await refused.closed;
    assert.equal(server.counters.tcpRefused, 1);
  });

  test('others are not believed', async () => {
    await using server = await startTrusting();
    asked.length = 0;
    await using client = await TcpClient.open(where(server), '127.0.0.2');
    client.write(proxyHeader('203.0.113.7'), framed(query()));
    client.socket.end();
    await client.closed;
    assert.deepEqual(asked, []);
  });
});
