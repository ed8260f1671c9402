import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type FaultProxy, startFaultProxy } from '../../lab/fault-proxy.ts';
import { until } from '../../lab/wait.ts';

/** A client of the proxy that remembers all that happened to it. */
interface Client {
  readonly socket: Socket;
  /** What came; `end` = FIN, `ECONNRESET` and the like = how it broke. */
  readonly seen: string[];
}

const LIMIT_MS = 60_000;
const server = createServer({ allowHalfOpen: true }, (socket) => {
  served.push(socket);
  socket.on('error', () => {});
  socket.on('data', (data) => socket.write(`echo ${data.toString()};`));
  socket.on('end', () => {
    received.push('end');
    socket.end('bye;');
  });
});
const served: Socket[] = [];
const received: string[] = [];
let proxy: FaultProxy;

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());
beforeEach(async () => {
  served.length = received.length = 0;
  proxy = await startFaultProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
});

async function client(): Promise<Client> {
  const seen: string[] = [];
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('data', (data) => seen.push(data.toString()));
  socket.on('end', () => seen.push('end'));
  socket.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code ?? ''));
  await once(socket, 'connect').catch(() => once(socket, 'close'));
  return { socket, seen };
}

const sees = ({ seen }: Client, text: string): Promise<true> =>
  until(`"${text}"`, LIMIT_MS, () => {
    assert.equal(seen.join(''), text);
    return true as const;
  });

describe('a fault proxy', () => {
  it('passes both directions, and their ends one by one', async () => {
    await using _ = proxy;
    const one = await client();
    one.socket.write('a');
    await sees(one, 'echo a;');
    one.socket.end();
    await sees(one, 'echo a;bye;end');
    await until('the end of it', LIMIT_MS, () => (proxy.open === 0 ? true : undefined));
    assert.equal(proxy.made, 1);
  });

  for (const direction of ['requests', 'answers'] as const) {
    it(`stalls ${direction}, and lets go of what was held`, async () => {
      await using _ = proxy;
      const one = await client();
      one.socket.write('a');
      await sees(one, 'echo a;');
      proxy.treat(direction, 'stall');
      one.socket.write('b');
      if (direction === 'answers') {
        // It is the answer that hangs, not the request.
        await until('the request', LIMIT_MS, () => (served[0]?.bytesRead === 2 ? true : undefined));
      }
      await sleep(20);
      assert.equal(one.seen.join(''), 'echo a;');
      await proxy.heal();
      await sees(one, 'echo a;echo b;');
      one.socket.destroy();
    });

    it(`slows ${direction}`, async () => {
      await using _ = proxy;
      proxy.treat(direction, { bytesPerSecond: 100 });
      const one = await client();
      const started = performance.now();
      one.socket.write('0123456789');
      // The echo answers pieces as they come.
      await until('all of it', LIMIT_MS, () =>
        one.seen.join('').replaceAll(/echo |;/g, '') === '0123456789' ? true : undefined,
      );
      // Two bytes every 20 ms; that it takes longer on a busy machine is no fault.
      assert.ok(performance.now() - started >= 60);
      one.socket.destroy();
    });
  }

  it('truncates in the middle', async () => {
    await using _ = proxy;
    proxy.treat('answers', { afterBytes: 7, by: 'end' });
    const one = await client();
    one.socket.write('abcdef');
    await sees(one, 'echo abend');
    const two = await client();
    two.socket.write('x');
    await sees(two, 'echo x;end');
  });

  it('resets in the middle', async () => {
    await using _ = proxy;
    proxy.treat('answers', { afterBytes: 3, by: 'reset' });
    const one = await client();
    one.socket.write('a');
    await until('a reset', LIMIT_MS, () => (one.seen.at(-1) === 'ECONNRESET' ? true : undefined));
  });

  it('closes one direction alone', async () => {
    await using _ = proxy;
    const one = await client();
    one.socket.write('a');
    await sees(one, 'echo a;');
    proxy.halfClose('answers');
    await sees(one, 'echo a;end');
    one.socket.write('b');
    await until('the request', LIMIT_MS, () => (served[0]?.bytesRead === 2 ? true : undefined));
    one.socket.destroy();
    const two = await client();
    proxy.halfClose('requests');
    await sees(two, 'bye;end');
    assert.ok(received.includes('end'));
    two.socket.destroy();
  });

  for (const [how, sign] of [
    ['end', 'end'],
    ['reset', 'ECONNRESET'],
  ] as const) {
    it(`cuts what is open by ${how}, and takes new connections`, async () => {
      await using _ = proxy;
      const one = await client();
      one.socket.write('a');
      await sees(one, 'echo a;');
      proxy.cut(how);
      await sees(one, `echo a;${sign}`);
      one.socket.destroy();
      const two = await client();
      two.socket.write('b');
      await sees(two, 'echo b;');
      two.socket.destroy();
    });
  }

  it('refuses connections until it is healed, and keeps those that it has', async () => {
    await using _ = proxy;
    const one = await client();
    await proxy.refuse();
    const two = await client();
    assert.deepEqual(two.seen, ['ECONNREFUSED']);
    one.socket.write('a');
    await sees(one, 'echo a;');
    one.socket.destroy();
    await proxy.heal();
    const three = await client();
    three.socket.write('c');
    await sees(three, 'echo c;');
    three.socket.destroy();
  });
});
