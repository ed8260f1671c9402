import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { type DnsServer, type DnsServerOptions, startDnsServer } from '../../../src/dns/server.ts';
import { defaultProtocol } from '../../../src/dns/protocol.ts';
import { FastCount } from '../../../src/dns/fast/fast-counts.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { until } from '../../lab/wait.ts';
import { objectsOf, zoneOf } from '../zone/driver.ts';
import { theAddon } from './support/addon.ts';
import { askUdp } from './support/clients.ts';
import { a, FakeSource, records } from './support/fake-source.ts';
import { opt, option, query } from './support/messages.ts';

const addon = theAddon();
const skip = 'absent' in addon && process.env['CI'] === undefined ? addon.absent : false;
const ipv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const LOOPBACK = { address: '127.0.0.1', port: 0 };

const start = (options: Partial<DnsServerOptions> & { workers?: number } = {}): Promise<DnsServer> => {
  if ('absent' in addon) throw new Error(addon.absent);
  const { workers = 1, ...rest } = options;
  return startDnsServer({
    source: new FakeSource((name) => records([a(name, '192.0.2.1')])),
    listen: [LOOPBACK],
    log: silentLog,
    batched: { addon, workers },
    ...rest,
  });
};

const SERVICES = {
  'shop/web': { policy: 'weighted', from: { west: { ips: ['10.96.0.1'] }, east: { ips: ['10.97.0.1'] } } },
} as const;
const WEB = 'web.shop.svc.clusterset.local';

test('a worker answers what it has been asked before, and tells changes from then on', { skip }, async () => {
  const zone = zoneOf(SERVICES);
  await using server = await start({ source: zone });
  const at = server.addresses[0]!;
  const seen = new Set<string>();
  const ask = async (name = WEB): Promise<string> => {
    const { response } = await askUdp(at, query({ name, extra: [opt()] }));
    const [first] = response.answers ?? [];
    const text = `${response.rcode} ${first?.type === 'A' ? first.data : 'none'}`;
    seen.add(text);
    return text;
  };
  await until('answers come from the table', 60_000, async () => {
    await ask();
    return server.counters.fastSum(FastCount.queries) > 4 || Promise.reject(new Error('not yet'));
  });
  assert.deepEqual([...seen].sort(), ['0 10.96.0.1', '0 10.97.0.1']);
  const [changed] = objectsOf({ 'shop/web': { from: { east: { ips: ['10.97.0.9'] } } } }).imports;
  zone.setImport(changed!);
  // A change that was told before a query was sent is in its answer.
  for (let n = 0; n < 5; n++) assert.equal(await ask(), '0 10.97.0.9');
  assert.equal(await ask('nothing.shop.svc.clusterset.local'), '3 none');
  const denials = server.counters.responsesOf(3);
  assert.ok(denials > 0);
});

test('what the table does not serve is answered by the main thread', { skip }, async () => {
  await using server = await start();
  const at = server.addresses[0]!;
  const cookie = query({ extra: [opt({ data: option(65_001, Buffer.alloc(3)) })] });
  assert.equal((await askUdp(at, cookie)).response.answers?.length, 1);
  assert.equal((await askUdp(at, query({ class: 3 }))).response.rcode, 5);
  assert.equal((await askUdp(at, query().subarray(0, 15))).response.rcode, 1);
  assert.equal(server.counters.queries.udp, 3);
});

test(
  'on a wildcard, answers leave from the address that was asked, from either thread',
  { skip },
  async () => {
    await using server = await start({ listen: [{ address: ipv6 ? '::' : '0.0.0.0', port: 0 }] });
    const port = server.addresses[0]?.port ?? 0;
    for (const address of ['127.0.0.1', '127.0.0.2', ...(ipv6 ? ['::1'] : [])]) {
      for (const message of [query(), query(), query(), query({ class: 3 })]) {
        const { from } = await askUdp({ address, port }, message);
        assert.deepEqual([from.address, from.port], [address, port]);
      }
    }
    assert.ok(server.counters.fastSum(FastCount.queries) > 0);
  },
);

test('the client is told to the zone as it is', { skip }, async () => {
  const asked: (string | undefined)[] = [];
  const source = new FakeSource((name, { client }) => {
    asked.push(client);
    return records([a(name, '192.0.2.1')], { perClient: true });
  });
  await using server = await start({ source, listen: [{ address: ipv6 ? '::' : '0.0.0.0', port: 0 }] });
  const port = server.addresses[0]?.port ?? 0;
  const addresses = ['127.0.0.1', ...(ipv6 ? ['::1'] : [])];
  for (const address of addresses) await askUdp({ address, port }, query());
  assert.deepEqual(asked, addresses);
});

test('several workers share the port, and each has its own table', { skip }, async () => {
  await using server = await start({ workers: 2 });
  const at = server.addresses[0]!;
  for (let n = 0; n < 40; n++) assert.equal((await askUdp(at, query())).response.rcode, 0);
  const perWorker = server.counters.fast.map((counts) => counts[FastCount.queries]);
  assert.equal(perWorker.length, 2);
  assert.equal(server.counters.fastSum(FastCount.queries) + server.counters.queries.udp, 40);
});

test('an address in use is one clear error, and nothing is left open', { skip }, async () => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  await assert.rejects(
    start({ listen: [{ address: '127.0.0.1', port }] }),
    /^ListenError: Cannot listen on 127\.0\.0\.1 port \d+ \(UDP\): EADDRINUSE: another process/,
  );
  taken.close();
  await (await start({ listen: [{ address: '127.0.0.1', port }] })).close();
  await (await start({ listen: [{ address: '127.0.0.1', port }] })).close();
});

test('closing answers what has arrived', { skip }, async () => {
  const server = await start();
  const at = server.addresses[0]!;
  const socket = createSocket('udp4');
  let answers = 0;
  const all = new Promise<void>((resolve) => {
    socket.on('message', () => ++answers === 200 && resolve());
  });
  await new Promise<void>((sent) => {
    for (let n = 0; n < 200; n++) {
      socket.send(query({ name: `n${n}.clusterset.local` }), at.port, at.address, () => n === 199 && sent());
    }
  });
  await server.close();
  await all;
  socket.close();
});

test('workers share one rate limit, and answer within it from their tables', { skip }, async () => {
  const perSecond = 40;
  const protocol = { ...defaultProtocol(), rateLimit: { perSecond, slip: 1 } };
  await using server = await start({ source: zoneOf(SERVICES), workers: 2, protocol });
  const at = server.addresses[0]!;
  let [asked, cut] = [0, 0];
  const began = performance.now();
  await until(
    'the limit was met',
    60_000,
    async () => {
      // Each from a port of its own, so that both workers are asked.
      const { response } = await askUdp(at, query({ name: WEB }));
      asked++;
      if (response.flag_tc) cut++;
      if (cut > 50) return true;
      throw new Error(`${cut} of ${asked} were cut`);
    },
    1,
  );
  const seconds = (performance.now() - began) / 1000;
  assert.ok(asked - cut <= perSecond * (1 + seconds) + 1, `${asked - cut} answers in ${seconds} s`);
  assert.ok(server.counters.fastSum(FastCount.rateSlipped) > 0);
});

test(
  'a service with session affinity gives each client one cluster, through whichever worker',
  { skip },
  async () => {
    const sticky = {
      policy: 'weighted',
      affinity: true,
      from: { west: { ips: ['10.96.0.1'] }, east: { ips: ['10.97.0.1'] } },
    } as const;
    await using server = await start({ source: zoneOf({ 'shop/web': sticky }), workers: 2 });
    const at = server.addresses[0]!;
    const chosen = new Set<string>();
    for (let client = 1; client <= 12; client++) {
      const found = new Set<string>();
      for (let n = 0; n < 6; n++) {
        // From a port of its own each time: the kernel spreads them over the workers.
        const { response } = await askUdp(at, query({ name: WEB }), `127.0.7.${client}`);
        for (const record of response.answers ?? []) if (record.type === 'A') found.add(record.data);
      }
      assert.equal(found.size, 1, `127.0.7.${client} was sent to ${[...found].join(' and ')}`);
      for (const address of found) chosen.add(address);
    }
    assert.deepEqual([...chosen].sort(), ['10.96.0.1', '10.97.0.1']);
  },
);
