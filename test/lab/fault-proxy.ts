import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

/** `requests` go from the client to the server, `answers` back. */
export type Direction = 'requests' | 'answers';

/** What becomes of the bytes of one direction. */
export type Treatment =
  | 'pass'
  /** Held back; the connections stay up, as behind a router that drops packets. */
  | 'stall'
  | { readonly bytesPerSecond: number }
  /** Each connection passes so many bytes more; then it ends in that way, mid-stream wherever that is. */
  | { readonly afterBytes: number; readonly by: 'end' | 'half-close' | 'reset' };

/**
 * A TCP proxy on 127.0.0.1 that does what networks do. It knows nothing of what it carries: TLS passes
 * through. All may be switched at any time, for the connections that are open, too.
 */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were made to it since its start, and those that are open. */
  readonly made: number;
  readonly open: number;
  /** How this direction is treated from now on. */
  treat(direction: Direction, treatment: Treatment): void;
  /** From now on no connection is taken (they are refused), while those that are open go on. */
  refuse(): Promise<void>;
  /** Ends all connections: in order (FIN) or by force (RST). New ones may be made. */
  cut(how: 'end' | 'reset'): void;
  /** Closes this direction of all connections, while the other one goes on. */
  halfClose(direction: Direction): void;
  /** Back to a network without faults: connections are taken, bytes pass. */
  heal(): Promise<void>;
}

/** The least that a slow direction passes at once, and how often. */
const SLOW_TICK_MS = 20;

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What `afterBytes` still lets through, by direction; undefined until the first byte under it. */
  readonly left: Partial<Record<Direction, number>>;
}

export async function startFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const treatments: Record<Direction, Treatment> = { requests: 'pass', answers: 'pass' };
  const pairs = new Set<Pair>();
  let made = 0;
  let switched = Promise.withResolvers<void>();

  const end = ({ client, server }: Pair, how: 'end' | 'reset'): void => {
    for (const socket of [client, server]) {
      if (how === 'end') socket.destroySoon();
      // A reset after a half-close fails in libuv, and Node then never lets go of the handle.
      else if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  };
  /** Carries one direction to its end. Rejects where a socket breaks. */
  const pump = async (pair: Pair, direction: Direction): Promise<void> => {
    const [from, to] = direction === 'requests' ? [pair.client, pair.server] : [pair.server, pair.client];
    const send = async (bytes: Buffer): Promise<void> => {
      if (!to.write(bytes)) await once(to, 'drain');
    };
    for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      let rest = chunk;
      while (rest.length > 0) {
        const treatment = treatments[direction];
        if (treatment === 'pass') {
          await send(rest);
          break;
        }
        if (treatment === 'stall') {
          await Promise.race([switched.promise, once(to, 'close')]);
          if (to.destroyed) return;
          continue;
        }
        if ('bytesPerSecond' in treatment) {
          const share = Math.max(1, Math.floor((treatment.bytesPerSecond * SLOW_TICK_MS) / 1000));
          await send(rest.subarray(0, share));
          rest = rest.subarray(share);
          await sleep(SLOW_TICK_MS);
          continue;
        }
        const left = (pair.left[direction] ??= treatment.afterBytes);
        if (left > 0) await send(rest.subarray(0, left));
        pair.left[direction] = left - Math.min(left, rest.length);
        rest = rest.subarray(left);
        if (pair.left[direction] > 0) break;
        if (treatment.by !== 'half-close') return end(pair, treatment.by);
        to.end();
        return;
      }
    }
    to.end();
  };
  const take = (client: Socket): void => {
    made++;
    const server = connect({ ...target, allowHalfOpen: true });
    const pair: Pair = { client, server, left: {} };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // Its other half has to see the same: a broken connection is broken for both.
      socket.on('error', () => end(pair, 'reset'));
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) pairs.delete(pair);
      });
    }
    for (const direction of ['requests', 'answers'] as const) {
      pump(pair, direction).catch(() => end(pair, 'reset'));
    }
  };

  const port = await freePort();
  let listener: Server | undefined;
  const listen = async (): Promise<void> => {
    if (listener !== undefined) return;
    listener = createServer({ allowHalfOpen: true }, take).listen({ port, host: '127.0.0.1' });
    await once(listener, 'listening');
  };
  const refuse = async (): Promise<void> => {
    const closing = listener;
    listener = undefined;
    // It waits for the open connections; that it listens no more is true at once.
    closing?.close();
  };
  const treat = (direction: Direction, treatment: Treatment): void => {
    treatments[direction] = treatment;
    for (const pair of pairs) delete pair.left[direction];
    switched.resolve();
    switched = Promise.withResolvers();
  };
  const cut = (how: 'end' | 'reset'): void => {
    for (const pair of pairs) end(pair, how);
  };

  await listen();
  return {
    port,
    get made() {
      return made;
    },
    get open() {
      return pairs.size;
    },
    treat,
    refuse,
    cut,
    halfClose(direction) {
      for (const { client, server } of pairs) (direction === 'requests' ? server : client).end();
    },
    async heal() {
      treat('requests', 'pass');
      treat('answers', 'pass');
      await listen();
    },
    async [Symbol.asyncDispose]() {
      await refuse();
      cut('reset');
    },
  };
}

/** A copy of a kubeconfig that leads through a proxy of its own, which is answered; both are of this lab. */
export async function throughFaultProxy(
  kubeconfig: string,
): Promise<{ readonly proxy: FaultProxy; readonly kubeconfig: string }> {
  const text = await readFile(kubeconfig, 'utf8');
  const [address = '', host = '', port = ''] = /https:\/\/([\w.]+):(\d+)/.exec(text) ?? [];
  if (address === '') throw new Error(`${kubeconfig} names no https server by IPv4 address and port`);
  const proxy = await startFaultProxy({ host, port: Number(port) });
  const path = `${kubeconfig}.by-${proxy.port}`;
  await writeFile(path, text.replaceAll(address, `https://127.0.0.1:${proxy.port}`));
  return { proxy, kubeconfig: path };
}
