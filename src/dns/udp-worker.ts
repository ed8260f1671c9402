/**
 * A thread that answers UDP: receive, apply what changed, answer, send, and again, without ever going back to an
 * event loop. What it has no finished answer for it hands to the main thread, which answers that by itself.
 */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { FastCount } from './fast/fast-counts.ts';
import { LocalTable } from './fast/local-table.ts';
import { RateLimiter, sharedNow } from './rate-limit.ts';
import { loadUdpBatch, Meta } from './udp-batch.ts';
import { MissPacker, Signal, type WorkerOrder, type WorkerStart } from './worker-protocol.ts';

/** How long it waits at most before it looks whether it shall end. */
const WAIT_MS = 1000;
/** Misses that the main thread has not answered yet, beyond which further ones are dropped, as UDP may. */
const MAX_MISSES = 2048;
/** After it was told to end, packets may still be on their way through the kernel for so long. */
const LAST_WAIT_MS = 20;

const { sockets, wake, port, signal, counts, tableBytes, rateLimit } = workerData as WorkerStart;
const loaded = loadUdpBatch();
if ('absent' in loaded)
  throw new Error(`The worker lacks the addon that the main thread has: ${loaded.absent}`);
const addon = loaded;
const batch = addon.create(wake, new Uint8Array(Int32Array.from(sockets).buffer));
const { handle, packetBytes } = batch;
const packets = new Uint8Array(batch.packets);
const meta = new Int32Array(batch.meta);
const limiter = rateLimit && new RateLimiter(rateLimit);
// The message that is being answered, and when its batch came.
let asked = 0;
let now = 0;
const limit =
  limiter &&
  (() => {
    const at = asked * Meta.size;
    const address = at + Meta.address;
    return limiter.checkBytes(meta[at + Meta.family]!, meta[address]!, meta[address + 1]!, now);
  });
const table = new LocalTable({ bytes: tableBytes, counts, packets: batch.packets, limit });
const { path } = table;
const misses = new MissPacker(addon.peerBytes);

let applied = 0;
let stopping = false;

/** Looks for orders only where there are any: each look costs as much as an answer. */
function takeOrders(): void {
  while (applied !== Atomics.load(signal, Signal.orders)) {
    const taken = receiveMessageOnPort(port);
    if (taken === undefined) return;
    applied = (applied + 1) | 0;
    const order = taken.message as WorkerOrder;
    if (order.type === 'table') table.apply(order.change);
    else {
      stopping = true;
      if (order.retire) for (const socket of sockets) addon.retire(socket);
    }
  }
}

function handOver(index: number, length: number): void {
  if (Atomics.load(signal, Signal.misses) >= MAX_MISSES) {
    counts[FastCount.dropped]!++;
    return;
  }
  Atomics.add(signal, Signal.misses, 1);
  addon.peer(index, handle, misses.add(packets, index * packetBytes, length, path.missed));
}

for (;;) {
  const count = addon.exchange(stopping ? LAST_WAIT_MS : WAIT_MS, handle);
  counts[FastCount.lost] = meta[batch.messages * Meta.size]!;
  const wasStopping = stopping;
  takeOrders();
  if (limiter !== undefined && count > 0) now = sharedNow();
  for (let index = 0; index < count; index++) {
    asked = index;
    const length = meta[index * Meta.size + Meta.received]!;
    if (path.answer(index * packetBytes, length)) meta[index * Meta.size + Meta.answer] = path.length;
    else handOver(index, length);
  }
  const missed = misses.take();
  if (missed !== undefined) port.postMessage(missed, [missed.buffer]);
  if (wasStopping && count === 0) break;
}
port.close();
