import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { ListenError } from '../../../src/dns/listener.ts';
import { type DnsServer, type DnsServerOptions, startDnsServer } from '../../../src/dns/server.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { recordingLog } from '../support/recording-log.ts';
import { askUdp, TcpClient } from './support/clients.ts';
import { a, address, FakeSource, records } from './support/fake-source.ts';
import { opt, query } from './support/messages.ts';

const LOOPBACK = { address: '127.0.0.1', port: 0 };
const source = new FakeSource((name) => {
  const count = Number(name.split('.')[0]);
  if (Number.isNaN(count)) return records([a(name, '192.0.2.1')]);
  return records(Array.from({ length: count }, (_, n) => a(name, address(n))));
});

const start = (options: Partial<DnsServerOptions> = {}): Promise<DnsServer> =>
  startDnsServer({ source, listen: [LOOPBACK], log: silentLog, ...options });

const ipv6 = Object.values(networkInterfaces()).some((entries) =>
  entries?.some(({ address }) => address === '::1'),
);
const skipWithoutIpv6 = { skip: ipv6 ? false : 'this host has no ::1' };

const interfaceOf = (...addresses: string[]): NodeJS.Dict<NetworkInterfaceInfo[]> => ({
  lo: addresses.map((address) => ({
    address,
    netmask: '',
    mac: '',
    internal: true,
    cidr: null,
    ...(address.includes(':') ? { family: 'IPv6', scopeid: 0 } : { family: 'IPv4' }),
  })) as NetworkInterfaceInfo[],
});

test('UDP and TCP answer on one port', async () => {
  await using server = await start();
  const [at] = server.addresses;
  assert.ok(at && at.port > 0);
  const { response } = await askUdp(at, query());
  assert.equal(response.answers?.length, 1);
  await using client = await TcpClient.open(at);
  assert.equal((await client.ask(query())).answers?.length, 1);
  assert.deepEqual(server.counters.queries, { udp: 1, tcp: 1 });
});

test('an answer too large for UDP says so, and is whole over TCP', async () => {
  await using server = await start();
  const [at] = server.addresses;
  assert.ok(at);
  const large = query({ name: '3000.clusterset.local', extra: [opt()] });
  const { response } = await askUdp(at, large);
  assert.deepEqual([response.flag_tc, response.answers?.length], [true, 0]);
  await using client = await TcpClient.open(at);
  assert.equal((await client.ask(large)).answers?.length, 3000);
});

test('IPv6 clients are answered, over UDP and TCP', skipWithoutIpv6, async () => {
  await using server = await start({ listen: [LOOPBACK, { address: '::1', port: 0 }] });
  const at = server.addresses[1];
  assert.ok(at);
  assert.equal((await askUdp(at, query())).from.address, '::1');
  await using client = await TcpClient.open(at);
  assert.equal((await client.ask(query())).answers?.length, 1);
});

test('on a wildcard, an answer leaves from the address that was asked', async () => {
  await using server = await start({
    listen: [{ address: '0.0.0.0', port: 0 }],
    interfaces: () => interfaceOf('127.0.0.1', '127.0.0.2'),
  });
  const port = server.addresses[0]?.port ?? 0;
  for (const address of ['127.0.0.1', '127.0.0.2']) {
    const { from } = await askUdp({ address, port }, query());
    assert.deepEqual([from.address, from.port], [address, port]);
    await using client = await TcpClient.open({ address, port });
    assert.equal((await client.ask(query())).answers?.length, 1);
  }
});

test('"::" means both families', skipWithoutIpv6, async () => {
  const asked: (string | undefined)[] = [];
  const spy = new FakeSource((name, { client }) => {
    asked.push(client);
    return records([a(name, '192.0.2.1')], { perClient: true });
  });
  await using server = await start({
    source: spy,
    listen: [{ address: '::', port: 0 }],
    interfaces: () => interfaceOf('127.0.0.1', '::1'),
  });
  const port = server.addresses[0]?.port ?? 0;
  for (const address of ['127.0.0.1', '::1']) {
    await askUdp({ address, port }, query());
    await using client = await TcpClient.open({ address, port });
    await client.ask(query());
  }
  assert.deepEqual(asked, ['127.0.0.1', '127.0.0.1', '::1', '::1'], 'in the family that they have');
});

test('a wildcard follows the addresses of the host', async () => {
  let now = interfaceOf('127.0.0.1');
  const { log, lines } = recordingLog();
  await using server = await start({ log, listen: [{ address: '0.0.0.0', port: 0 }], interfaces: () => now });
  const port = server.addresses[0]?.port ?? 0;

  now = interfaceOf('127.0.0.1', '127.0.0.2');
  await server.refresh();
  assert.equal((await askUdp({ address: '127.0.0.2', port }, query())).from.address, '127.0.0.2');

  now = interfaceOf('127.0.0.2', '192.0.2.77');
  await server.refresh();
  assert.equal((await askUdp({ address: '127.0.0.2', port }, query())).from.address, '127.0.0.2');
  const free = createSocket('udp4');
  free.bind(port, '127.0.0.1');
  await once(free, 'listening');
  free.close();

  assert.deepEqual(
    lines.map(({ level, fields, message }) => [level, (fields as { address: string }).address, message]),
    [
      ['info', '127.0.0.2', 'Listening on a new address'],
      ['info', '127.0.0.1', 'Stopped listening: the address is gone'],
      ['warn', '192.0.2.77', 'Cannot listen on a new address'],
    ],
  );
});

test('where the addresses cannot be read any more, it goes on with those that it has', async () => {
  let failing = false;
  const { log, lines } = recordingLog();
  const interfaces = () => {
    if (failing) throw new Error('not permitted');
    return interfaceOf('127.0.0.1');
  };
  await using server = await start({ log, listen: [{ address: '0.0.0.0', port: 0 }], interfaces });
  failing = true;
  await server.refresh();
  const { response } = await askUdp({ address: '127.0.0.1', port: server.addresses[0]?.port ?? 0 }, query());
  assert.equal(response.rcode, 0);
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['warn'],
  );
});

test('a port that TCP has and UDP has not is given up for another', async () => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  await using server = await start();
  assert.notEqual(server.addresses[0]?.port, taken.address().port);
  taken.close();
});

const conflicts: Record<
  string,
  { listen: (udp: number, tcp: number) => DnsServerOptions['listen']; error: RegExp }
> = {
  'a UDP port in use': {
    listen: (udp) => [{ address: '127.0.0.1', port: udp }],
    error: /^Cannot listen on 127\.0\.0\.1 port \d+ \(UDP\): EADDRINUSE: another process/,
  },
  'a TCP port in use': {
    listen: (_udp, tcp) => [{ address: '127.0.0.1', port: tcp }],
    error: /^Cannot listen on 127\.0\.0\.1 port \d+ \(TCP\): EADDRINUSE: another process/,
  },
  'an address that the host does not have': {
    listen: () => [{ address: '192.0.2.77', port: 0 }],
    error: /^Cannot listen on 192\.0\.2\.77 port 0 \(TCP\): EADDRNOTAVAIL: no interface of this host/,
  },
};

for (const [what, { listen, error }] of Object.entries(conflicts)) {
  test(`${what} is one clear error, and nothing is left open`, async () => {
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    const tcp = createServer();
    tcp.listen(0, '127.0.0.1');
    await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
    const good = await start();
    const [at] = good.addresses;
    assert.ok(at);
    await good.close();
    const { port } = tcp.address() as AddressInfo;
    const quiet = new FakeSource(() => undefined);
    await assert.rejects(
      start({ source: quiet, listen: [at, ...listen(udp.address().port, port)] }),
      (thrown) => {
        assert.ok(thrown instanceof ListenError);
        assert.match(thrown.message, error);
        assert.equal(thrown.code, 'listen-failed');
        return true;
      },
    );
    assert.equal(quiet.listeners, 0);
    // The address before it in the list is free again.
    await (await start({ listen: [at] })).close();
    udp.close();
    tcp.close();
  });
}

test('a closed server has let go of its ports, its connections and its source', async () => {
  const own = new FakeSource((name) => records([a(name, '192.0.2.1')]));
  const server = await start({ source: own });
  const [at] = server.addresses;
  assert.ok(at);
  const client = await TcpClient.open(at);
  await client.ask(query());
  await Promise.all([server.close(), server.close()]);
  await client.closed;
  assert.equal(own.listeners, 0);
  await (await start({ listen: [at] })).close();
  await server.refresh();
});

test('malformed packets of any kind get their answer or none, and the next query is answered', async () => {
  await using server = await start();
  const [at] = server.addresses;
  assert.ok(at);
  const socket = createSocket('udp4');
  const responses: Buffer[] = [];
  const two = new Promise<void>((resolve) => {
    socket.on('message', (bytes: Buffer) => responses.push(bytes) === 2 && resolve());
  });
  for (const message of [
    Buffer.alloc(0),
    Buffer.alloc(3),
    query({ flags: 0x8000 }),
    query().subarray(0, 15),
    query({ id: 7 }),
  ]) {
    socket.send(message, at.port, at.address);
  }
  await two;
  socket.close();
  assert.deepEqual(
    responses.map((bytes) => bytes[3]),
    [1, 0],
  );
  assert.equal(server.counters.dropped, 3);
});

test('a bug is logged once, not per query', async () => {
  const { log, lines } = recordingLog();
  const broken = new FakeSource(() => {
    throw new Error('a bug');
  });
  await using server = await start({ source: broken, log });
  const [at] = server.addresses;
  assert.ok(at);
  for (let n = 0; n < 3; n++) assert.equal((await askUdp(at, query())).response.rcode, 2);
  assert.equal(server.counters.failures, 3);
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['error'],
  );
});
