import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DnsServer, startDnsServer } from '../../../src/dns/server.ts';
import { dependencyId } from '../../../src/dns/shim-wire.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { framed, TcpClient } from './support/clients.ts';
import { a, FakeSource, records } from './support/fake-source.ts';
import { opt, query, uint16s } from './support/messages.ts';

const OPTION = 65_313;
const dependsOn = 'service:shop/mysql';

/** `a` is a service; `rotating` has three turns; `personal` is for its client alone. */
const newSource = (): FakeSource =>
  new FakeSource((name, asker) => {
    switch (name.slice(0, name.indexOf('.'))) {
      case 'a':
        return records([a(name, '10.0.0.1')], { dependsOn });
      case 'rotating':
        return records([a(name, `10.0.0.${asker.turn % 3}`)], { dependsOn, period: 3 });
      case 'personal':
        return records([a(name, '10.0.0.9')], { dependsOn, perClient: true });
      default:
        return undefined;
    }
  });

const start = (source: FakeSource, trusted = true): Promise<DnsServer> =>
  startDnsServer({
    source,
    listen: [{ address: '127.0.0.1', port: 0 }],
    log: silentLog,
    protocol: { trusts: (address) => trusted && address === '127.0.0.1' },
  });

const connect = (server: DnsServer): Promise<TcpClient> => TcpClient.open(server.addresses[0]!);

const dso = (tlv: number, data: Buffer, id = 7): Buffer =>
  Buffer.concat([uint16s(id, 0x3000, 0, 0, 0, 0, tlv, data.length), data]);

const sessionRequest = (known?: Buffer): Buffer =>
  dso(0xf801, Buffer.concat([Buffer.from([1]), known ?? Buffer.alloc(16)]));

function shimQuery(name: string, turn = 0, client: readonly number[] = [10, 1, 2, 3]): Buffer {
  const data = Buffer.concat([
    Buffer.from([1]),
    Buffer.alloc(4),
    Buffer.from([client.length === 0 ? 0 : 1, ...client]),
  ]);
  data.writeUInt32BE(turn, 1);
  return query({
    name: `${name}.clusterset.local`,
    extra: [opt({ data: Buffer.concat([uint16s(OPTION, data.length), data]) })],
  });
}

/** What an answer promises, read from the end of it: OPT is its last record, the option its only one. */
function promised(bytes: Buffer) {
  const data = bytes.subarray(bytes.length - 20);
  assert.equal(bytes.readUInt16BE(bytes.length - 24), OPTION);
  return {
    keep: data[1] === 1,
    generation: data.readBigUInt64BE(2),
    dependency: data.readUInt32BE(10),
    period: data.readUInt32BE(14),
    serialAt: data.readUInt16BE(18),
  };
}

/** The data of a message's one TLV. */
const tlvData = (bytes: Buffer): Buffer => bytes.subarray(16, 16 + bytes.readUInt16BE(14));

test('a peer that is not trusted has no sessions, and its option says nothing', async () => {
  const source = newSource();
  await using server = await start(source, false);
  await using client = await connect(server);
  assert.equal((await client.ask(sessionRequest())).bytes[3]! & 0x0f, 4);
  const { bytes } = await client.ask(shimQuery('a'));
  assert.equal(bytes.includes(uint16s(OPTION)), false);
  assert.equal(source.asked.at(-1)?.asker.client, '127.0.0.1');
});

test("a trusted peer asks in its client's name, which does not come back", async () => {
  const source = newSource();
  await using server = await start(source);
  await using client = await connect(server);
  const { bytes } = await client.ask(shimQuery('a', 5));
  assert.deepEqual(source.asked.at(-1)?.asker, { client: '10.1.2.3', turn: 5 });
  assert.equal(bytes.includes(Buffer.from([10, 1, 2, 3])), false);
  await client.ask(shimQuery('a', 0, [...Array(4).keys()]));
  assert.equal(source.asked.at(-1)?.asker.client, '0.1.2.3');
  await client.ask(shimQuery('a', 0, []));
  assert.deepEqual(source.asked.at(-1)?.asker, { turn: 0 });
});

test('an answer says whether, until when and for how many turns it is good', async () => {
  const source = newSource();
  await using server = await start(source);
  await using client = await connect(server);
  const ask = async (name: string, turn = 0) => promised((await client.ask(shimQuery(name, turn))).bytes);
  const dependency = dependencyId(dependsOn);
  assert.deepEqual(await ask('a'), { keep: true, generation: 1n, dependency, period: 1, serialAt: 0 });
  const third = await client.ask(shimQuery('rotating', 2));
  assert.deepEqual(
    third.answers?.map((record) => 'data' in record && record.data),
    ['10.0.0.2'],
  );
  assert.equal(promised(third.bytes).period, 3);
  assert.equal((await ask('personal')).keep, false);
  const none = await ask('nothing');
  assert.deepEqual(
    { ...none, serialAt: 0 },
    { keep: true, generation: 1n, dependency: 0, period: 1, serialAt: 0 },
  );
  assert.ok(none.serialAt > 0);
});

test('a change is announced, after the answers that it came after', async () => {
  const source = newSource();
  await using server = await start(source);
  await using client = await connect(server);
  const welcome = tlvData((await client.ask(sessionRequest())).bytes);
  assert.equal(welcome.readBigUInt64BE(10), 1n);
  source.change(dependsOn, 'apex');
  source.change('apex');
  const announced = tlvData((await client.next()).bytes);
  assert.deepEqual(
    [announced[0], announced.readBigUInt64BE(1), announced.readUInt32BE(9), announced.subarray(13)],
    [0, 3n, source.serial, idBytes(dependencyId(dependsOn))],
  );
  assert.equal(promised((await client.ask(shimQuery('a'))).bytes).generation, 3n);
  source.change('all');
  assert.equal(tlvData((await client.next()).bytes)[0], 1);
});

test('a session that is taken up again hears what it missed, from the same process alone', async () => {
  const source = newSource();
  await using server = await start(source);
  const first = await connect(server);
  const welcome = tlvData((await first.ask(sessionRequest())).bytes);
  await first[Symbol.asyncDispose]();
  source.change(dependsOn, 'apex');
  const known = Buffer.concat([welcome.subarray(2, 10), welcome.subarray(10, 18)]);
  await using second = await connect(server);
  const again = tlvData((await second.ask(sessionRequest(known))).bytes);
  assert.deepEqual([again[1], again.subarray(22)], [1, idBytes(dependencyId(dependsOn))]);
  const stranger = Buffer.from(known);
  stranger[0]! ^= 1;
  assert.equal(tlvData((await second.ask(sessionRequest(stranger))).bytes)[1], 0);
});

test('a probe is answered, and what is no message of a session is told so', async () => {
  await using server = await start(newSource());
  await using client = await connect(server);
  const code = async (message: Buffer) => (await client.ask(message)).bytes[3]! & 0x0f;
  assert.equal(await code(dso(0xf803, Buffer.alloc(0))), 0);
  assert.equal(await code(dso(0xf8ff, Buffer.alloc(3))), 11);
  assert.equal(await code(dso(0xf801, Buffer.alloc(3))), 1);
  assert.equal(await code(uint16s(1, 0x3000, 0, 0, 0, 0)), 1);
  assert.equal(await code(uint16s(1, 0x3000, 1, 0, 0, 0, 0xf803, 0)), 1);
  // A length that leads out of the message.
  assert.equal(await code(uint16s(1, 0x3000, 0, 0, 0, 0, 0xf801, 0xffff)), 1);
});

test('options that are not well formed are none', async () => {
  const source = newSource();
  await using server = await start(source);
  await using client = await connect(server);
  for (const data of [
    [],
    [2, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 1, 10],
    [1, 0, 0, 0, 0, 3],
    [1, 0, 0, 0, 0, 0, 1],
  ]) {
    const option = Buffer.concat([uint16s(OPTION, data.length), Buffer.from(data)]);
    const message = query({ name: 'a.clusterset.local', extra: [opt({ data: option })] });
    assert.equal((await client.ask(message)).bytes.includes(uint16s(OPTION)), false);
  }
});

test('a plugin that does not read is cut off, and the others hear all the same', async () => {
  const source = newSource();
  await using server = await start(source);
  await using slow = await connect(server);
  await slow.ask(sessionRequest());
  slow.socket.pause();
  await using other = await connect(server);
  await other.ask(sessionRequest());
  const names = Array.from({ length: 15_000 }, (_, n) => `service:shop/s${n}` as const);
  while (server.counters.shimCutOff === 0) {
    source.change(...names);
    await other.next();
  }
  assert.equal(server.counters.shimSessions, 1);
});

test('a server that closes asks its plugins to go elsewhere', async () => {
  const server = await start(newSource());
  await using client = await connect(server);
  await client.ask(sessionRequest());
  const closed = server.close();
  assert.equal((await client.next()).bytes.readUInt16BE(12), 2);
  client.write(framed(shimQuery('a')));
  assert.equal((await client.next()).answers?.length, 1);
  client.socket.destroy();
  await closed;
});

function idBytes(id: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return bytes;
}
