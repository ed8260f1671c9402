/** UDP in batches: threads that answer from tables of their own, and what they leave to the main thread. */
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { ipBytes } from '../api/ip.ts';
import type { Log } from '../observability/log.ts';
import type { Counters } from './counters.ts';
import type { KeptAnswer } from './fast/entry.ts';
import { sharedFastCounts } from './fast/fast-counts.ts';
import type { TableChange, TableHolder } from './fast/table-change.ts';
import type { TableFeed } from './fast/table-feed.ts';
import { Peer } from './peer.ts';
import type { SharedRateLimit } from './rate-limit.ts';
import { type Respond, RESPONSE_ROOM, type TableMiss } from './respond.ts';
import type { UdpBatchAddon } from './udp-batch.ts';
import type { UdpSocket, UdpTransport } from './udp-transport.ts';
import { Signal, unpackMisses, type WorkerOrder, type WorkerStart } from './worker-protocol.ts';

/** What the kernel may hold for us in either direction while we are busy; it grants less where its limit is lower. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** A worker that ended by a bug is started again after this long. */
const RESTART_MS = 1000;
/** How long the main thread may take for its last answers when all ends. */
const LAST_ANSWERS_MS = 1000;

export interface UdpWorkersDeps {
  readonly addon: UdpBatchAddon;
  /** How many threads, each with a socket of its own on each address. */
  readonly workers: number;
  readonly respond: Respond;
  readonly feed: TableFeed;
  readonly counters: Counters;
  /** Whether other sockets of this user may have the same address and port (SO_REUSEPORT). */
  readonly reusePort: boolean;
  /** What each worker's table may take, in bytes. */
  readonly tableBytes: number;
  /** Absent = no limit. */
  readonly rateLimit?: SharedRateLimit | undefined;
  readonly log: Log;
}

/** Opens sockets first, for all addresses; then its workers start on all of them, and end together. */
export class UdpWorkers implements UdpTransport {
  readonly knowsAddressAsked = true;
  readonly #deps: UdpWorkersDeps;
  // Address and port → its sockets, those of each worker.
  readonly #sockets = new Map<string, readonly (readonly number[])[]>();
  #threads: readonly UdpThread[] = [];
  #closing: Promise<void> | undefined;

  constructor(deps: UdpWorkersDeps) {
    this.#deps = deps;
  }

  /** @throws the system's error where the address cannot be bound; nothing is left open then */
  async listen(address: string, port: number): Promise<UdpSocket> {
    const { addon, workers } = this.#deps;
    // One list for each worker.
    const sockets: number[][] = [];
    const close = (): void => sockets.flat().forEach((socket) => addon.close(socket));
    let chosen = port;
    try {
      for (let worker = 0; worker < workers; worker++) {
        const own: number[] = [];
        sockets.push(own);
        for (const each of address === '::' ? ['0.0.0.0', '::'] : [address]) {
          const socket = this.#open(each, chosen, own.length === 0);
          if (socket === undefined) continue;
          own.push(socket);
          chosen = addon.portOf(socket);
        }
      }
    } catch (error) {
      close();
      throw error;
    }
    const key = `${address} ${chosen}`;
    this.#sockets.set(key, sockets);
    return {
      port: chosen,
      close: async () => {
        if (this.#threads.length > 0) await this.close();
        else if (this.#sockets.delete(key)) close();
      },
    };
  }

  /** @param needed whether it is an error that the host does not have the address family */
  #open(address: string, port: number, needed: boolean): number | undefined {
    const { addon, workers, reusePort } = this.#deps;
    const family = isIPv6(address) ? 6 : 4;
    const shared = reusePort || workers > 1 ? 1 : 0;
    try {
      return addon.open(family, port, shared, SOCKET_BUFFER_BYTES, ipBytes(address));
    } catch (error) {
      if (needed || (error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
      return undefined;
    }
  }

  start(): void {
    this.#threads = Array.from({ length: this.#deps.workers }, (_, index) => {
      const sockets = [...this.#sockets.values()].flatMap((ofWorkers) => ofWorkers[index]!);
      return new UdpThread(sockets, this.#deps);
    });
  }

  /** Answers what has arrived, and closes all sockets. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    for (const sockets of this.#sockets.values()) {
      for (const socket of sockets.flat()) this.#deps.addon.close(socket);
    }
    this.#sockets.clear();
  }
}

/** One worker as the main thread sees it. */
class UdpThread implements TableHolder, TableMiss {
  turn = -1;
  readonly #deps: UdpWorkersDeps;
  readonly #sockets: readonly number[];
  readonly #wake: number;
  readonly #counts = sharedFastCounts();
  readonly #out = Buffer.allocUnsafeSlow(RESPONSE_ROOM.udp);
  #signal = newSignal();
  #port: MessagePort;
  #worker: Worker;
  #detach: () => void;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(sockets: readonly number[], deps: UdpWorkersDeps) {
    this.#deps = deps;
    this.#sockets = sockets;
    this.#wake = deps.addon.openWake();
    deps.counters.fast.push(this.#counts);
    [this.#worker, this.#port] = this.#start();
    this.#detach = deps.feed.attach(this);
  }

  apply(change: TableChange): void {
    this.#post({ type: 'table', change });
  }

  keep(answer: KeptAnswer): void {
    this.apply({ type: 'kept', answer });
  }

  async stop(): Promise<void> {
    const { addon, reusePort } = this.#deps;
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#detach();
    if (this.#worker.threadId !== -1) {
      const ended = once(this.#worker, 'exit');
      this.#post({ type: 'stop', retire: reusePort });
      await ended;
    }
    // What it handed over last is on its way to this thread still.
    const end = performance.now() + LAST_ANSWERS_MS;
    while (Atomics.load(this.#signal, Signal.misses) > 0 && performance.now() < end) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#port.close();
    addon.close(this.#wake);
  }

  #start(): [Worker, MessagePort] {
    const channel = new MessageChannel();
    this.#signal = newSignal();
    const start: WorkerStart = {
      sockets: this.#sockets,
      wake: this.#wake,
      port: channel.port2,
      signal: this.#signal,
      counts: this.#counts,
      tableBytes: this.#deps.tableBytes,
      rateLimit: this.#deps.rateLimit,
    };
    const worker = new Worker(new URL('./udp-worker.ts', import.meta.url), {
      workerData: start,
      transferList: [channel.port2],
    });
    worker.on('error', (err) => {
      this.#deps.counters.failures++;
      this.#deps.log.error({ err }, 'A UDP worker failed; it is started again');
    });
    worker.on('exit', () => {
      if (this.#stopping) return;
      this.#restart = setTimeout(() => this.#startAgain(), RESTART_MS);
    });
    channel.port1.on('message', (packed: Uint8Array) => this.#answer(packed));
    return [worker, channel.port1];
  }

  #startAgain(): void {
    this.#detach();
    this.#port.close();
    [this.#worker, this.#port] = this.#start();
    this.#detach = this.#deps.feed.attach(this);
  }

  #post(order: WorkerOrder): void {
    const { addon } = this.#deps;
    this.#port.postMessage(order);
    Atomics.add(this.#signal, Signal.orders, 1);
    addon.wake(this.#wake);
  }

  /** Answers what the worker's table does not. */
  #answer(packed: Uint8Array): void {
    const { addon, respond, counters } = this.#deps;
    for (const { query, peer, turn } of unpackMisses(packed, addon.peerBytes)) {
      Atomics.sub(this.#signal, Signal.misses, 1);
      const client = new Peer(peer);
      // Nobody listens on port 0.
      if (client.port === 0) {
        counters.dropped++;
        continue;
      }
      this.turn = turn ?? -1;
      const miss = turn === undefined ? undefined : this;
      const length = respond(query, query.length, client, 'udp', this.#out, miss);
      if (length > 0 && !addon.send(length, this.#out, peer)) counters.socketErrors++;
    }
  }
}

const newSignal = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(8));
