/**
 * Throws packets, wrong arguments and wrong sizes at the addon: what it does with memory is looked at by the
 * sanitizers that it was built with. Prints how many packets came back.
 *
 *   node addon.ts ADDON TOTAL SEED
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { loadUdpBatch, Meta, type UdpBatchAddon } from '../../src/dns/udp-batch.ts';
import { query } from '../unit/dns/support/messages.ts';
import { mutate, wellFormed } from './mutate.ts';
import { Random } from './random.ts';

const [place = '', total, seed] = process.argv.slice(2);
const loaded = loadUdpBatch([place]);
if ('absent' in loaded) throw new Error(loaded.absent);
const addon: UdpBatchAddon = loaded;
const random = new Random(Number(seed));
const NAMES = ['web.shop.svc.clusterset.local', '', 'x'.repeat(63), 'a.b.c.d.e.f.g.h'];

/** Values that are no right argument anywhere, or nearly one. */
const WRONG = [
  undefined,
  null,
  -1,
  63,
  64,
  100_000,
  2 ** 31,
  1e300,
  Number.NaN,
  '4',
  {},
  [],
  new Uint8Array(0),
  new Uint8Array(1),
  new Uint8Array(47),
  new Uint8Array(4096),
  new Float64Array(2),
  new ArrayBuffer(8),
];

/** @param handle a right one, for the call that it cannot make wait for ever */
function callWrongly(handle: object): void {
  const names = ['open', 'portOf', 'retire', 'create', 'exchange', 'peer', 'send'] as const;
  const name = random.of(names);
  const values = name === 'peer' ? [...WRONG, handle, handle, handle] : WRONG;
  const args = Array.from({ length: random.below(7) }, () => random.of(values));
  try {
    (addon[name] as (...args: unknown[]) => unknown)(...args);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
  }
}

let answered = 0;
for (const [family, address] of [
  [4, new Uint8Array(4)],
  [4, Uint8Array.of(127, 0, 0, 1)],
] as const) {
  const server = addon.open(family, 0, 1, 1 << 20, address);
  const second = addon.open(family, addon.portOf(server), 1, 1 << 20, address);
  const port = addon.portOf(server);
  const wake = addon.openWake();
  const batch = addon.create(wake, new Uint8Array(Int32Array.of(server, second).buffer));
  const meta = new Int32Array(batch.meta);
  const packets = new Uint8Array(batch.packets);
  const peer = new Uint8Array(addon.peerBytes);
  const client = createSocket('udp4');
  client.on('message', () => answered++);
  client.bind(0, '127.0.0.1');
  await once(client, 'listening');

  let previous = query();
  for (let sent = 0; sent < Number(total) / 2;) {
    for (let burst = random.below(100); burst > 0; burst--, sent++) {
      const fresh = wellFormed(random, NAMES);
      const packet = random.once(2) ? mutate(random, fresh, previous) : fresh;
      previous = fresh;
      client.send(random.once(50) ? random.bytes(random.below(3000)) : packet, port, '127.0.0.1');
    }
    await nextTurn();
    if (random.once(10)) addon.wake(wake);
    const count = addon.exchange(random.below(2), batch.handle);
    for (let index = 0; index < count; index++) {
      const at = index * Meta.size;
      if (meta[at + Meta.received]! > batch.packetBytes)
        throw new Error('more was received than there is room');
      if (random.once(4)) {
        addon.peer(index, batch.handle, peer);
        addon.send(meta[at + Meta.received]!, packets.subarray(index * batch.packetBytes), peer);
      }
      // Right sizes, none, and such as no answer has.
      meta[at + Meta.answer] = random.of([
        0,
        12,
        meta[at + Meta.received]!,
        batch.packetBytes,
        batch.packetBytes + 1,
        -5,
        2 ** 30,
      ]);
    }
    for (let index = count; index < batch.messages; index++) {
      meta[index * Meta.size + Meta.answer] = random.below(100);
    }
    for (let times = random.below(20); times > 0; times--) callWrongly(batch.handle);
  }
  addon.retire(server);
  addon.exchange(1, batch.handle);
  for (const descriptor of [server, second, wake]) addon.close(descriptor);
  // What is closed is only told as empty, or as an error.
  for (let times = 0; times < 3; times++) {
    try {
      addon.exchange(1, batch.handle);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
    }
  }
  client.close();
}
console.log(answered);
