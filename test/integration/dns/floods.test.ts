/** What strangers can do to the server by sending much: legitimate queries go on being answered, in bounded memory. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameReader } from '../../../src/dns/frames.ts';
import { benchServices, manifestOf } from '../../bench/support/services.ts';
import { Random } from '../../fuzz/random.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { ask } from '../../support/ask.ts';
import { startCli } from '../../support/cli-process.ts';
import { framed } from '../../unit/dns/support/clients.ts';
import { opt, option, query, type Reading, read } from '../../unit/dns/support/messages.ts';

const NAME = 'svc0.ns0.svc.clusterset.local';
const LIMIT_MB = 256;
/** PHAROS_FLOOD_SECONDS=600 for a long look. */
const SECONDS = Number(process.env['PHAROS_FLOOD_SECONDS'] ?? '1');
const BURST = 50;
/** As long as glibc waits for an answer. */
const PATIENCE_MS = 5000;

const random = new Random(1);
const randomLabel = (): string => `x${random.below(2 ** 31).toString(36)}`;

const floods: Record<string, () => Buffer> = {
  garbage: () => random.bytes(random.below(100)),
  'random names': () => query({ name: `${randomLabel()}.ns0.svc.clusterset.local` }),
  'random names below a service': () => query({ name: `${randomLabel()}.${NAME}` }),
  'random types of a name': () => query({ name: NAME, type: 256 + random.below(60_000) }),
  'random names with options': () =>
    query({
      name: `${randomLabel()}.clusterset.local`,
      extra: [opt({ data: option(65_001, random.bytes(8)) })],
    }),
  'names of others': () => query({ name: `${randomLabel()}.example.com` }),
};

/** Connections that say half of a length and nothing more. */
const HALF_OPEN = 1500;

for (const udp of ['batched', 'dgram']) {
  test(`floods leave ${udp} answering, within ${LIMIT_MB} MB`, async (t) => {
    const port = await freePort();
    const dir = await mkdtemp(join(tmpdir(), 'pharos-floods-'));
    t.after(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'services.json'), manifestOf(benchServices(100)));
    await using server = startCli([
      ...['dns', '--cluster-id=east', `--store=directory:${dir}`, `--listen=127.0.0.1:${port}`],
      ...[`--udp=${udp === 'batched' ? 'auto' : udp}`, '--metrics-listen=127.0.0.1:0', '--log-level=warn'],
    ]);
    const at = { address: '127.0.0.1', port };
    await until('it answers', 180_000, async () => {
      const { answers } = await ask(at, NAME, 'A', 500);
      return answers.length > 0 ? true : undefined;
    });
    const peakMb = async (): Promise<number> => {
      const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
    };

    const sender = createSocket('udp4');
    sender.bind(0, '127.0.0.1');
    await once(sender, 'listening');
    t.after(() => sender.close());
    for (const [what, packet] of Object.entries(floods)) {
      const { sent, answered, asked } = await during(at, () => burst(sender, packet, port));
      t.diagnostic(
        `${udp}, ${what}: ${sent} packets, ${answered} of ${asked} queries answered, ${(await peakMb()).toFixed(0)} MB`,
      );
      // How many is told, not demanded: the flood has the same cores, and resolvers ask again.
      assert.ok(answered > 0, `${what}: ${answered} of ${asked}`);
    }

    const sockets = Array.from({ length: HALF_OPEN }, () => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.write(Buffer.of(0));
      return socket;
    });
    t.after(() => sockets.forEach((socket) => socket.destroy()));
    const { answered, asked } = await during(at, async () => {
      await sleep(10);
      return 0;
    });
    t.diagnostic(`${udp}, ${HALF_OPEN} half-open connections: ${answered} of ${asked} queries answered`);
    assert.ok(answered > 0, `half-open: ${answered} of ${asked}`);
    assert.equal((await askOverTcp(port)).answers?.length, 1, 'another client is answered over TCP');
    const peak = await peakMb();
    t.diagnostic(`${udp}: ${peak.toFixed(0)} MB at most`);
    assert.ok(peak < LIMIT_MB, `${peak} MB`);
    assert.equal(server.stderr, '', 'nothing was logged');
  });
}

/** Asks over TCP, from another address than the floods come from. */
async function askOverTcp(port: number): Promise<Reading> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
  socket.write(framed(query({ name: NAME })));
  const frames = new FrameReader();
  for await (const chunk of socket) {
    frames.push(chunk as Buffer);
    const message = frames.next();
    if (message !== undefined) return read(message);
  }
  throw new Error('the server ended the connection');
}

async function burst(sender: Socket, packet: () => Buffer, port: number): Promise<number> {
  for (let n = 0; n < BURST; n++) sender.send(packet(), port, '127.0.0.1');
  await new Promise((resolve) => setImmediate(resolve));
  return BURST;
}

/** Floods for a while, and asks in between as a client would. */
async function during(
  at: { readonly address: string; readonly port: number },
  flood: () => Promise<number>,
): Promise<{ readonly sent: number; readonly asked: number; readonly answered: number }> {
  let [sent, asked, answered] = [0, 0, 0];
  const end = performance.now() + SECONDS * 1000;
  const asking = (async () => {
    while (performance.now() < end) {
      asked++;
      const { answers } = await ask(at, NAME, 'A', PATIENCE_MS).catch(() => ({ answers: [] }));
      if (answers.length > 0) answered++;
    }
  })();
  while (performance.now() < end) sent += await flood();
  await asking;
  return { sent, asked, answered };
}
