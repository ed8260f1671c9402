/** Makes packets: queries that are right, and what becomes of them when bytes change, come and go. */
import { opt, option, query, uint16s, wireName } from '../unit/dns/support/messages.ts';
import type { Random } from './random.ts';

const TYPES = [1, 1, 1, 2, 5, 6, 12, 13, 15, 16, 28, 28, 33, 33, 41, 64, 65, 250, 251, 252, 255, 256, 65_535];

/** A query without a fault, or with the faults that have names. */
export function wellFormed(random: Random, names: readonly string[]): Buffer {
  const name = random.once(4) ? misnamed(random, random.of(names)) : random.of(names);
  const extra: Buffer[] = [];
  if (random.once(2)) extra.push(randomOpt(random));
  if (random.once(30)) extra.push(randomOpt(random));
  if (random.once(30)) extra.push(Buffer.concat([wireName('key'), uint16s(250, 255, 0, 0, 0)]));
  return query({
    name: random.once(3) ? mixedCase(random, name) : name,
    type: random.of(TYPES),
    class: random.once(20) ? random.of([0, 3, 254, 255]) : 1,
    id: random.below(65_536),
    flags: random.once(10) ? random.below(65_536) : random.of([0x0000, 0x0100, 0x0120, 0x0130]),
    extra,
  });
}

function randomOpt(random: Random): Buffer {
  const options = Array.from({ length: random.below(3) }, () =>
    option(random.of([3, 8, 10, 12, 15, 65_001]), random.bytes(random.below(40))),
  );
  return opt({
    size: random.of([0, 100, 512, 513, 1232, 4096, 65_535]),
    version: random.once(10) ? random.below(256) : 0,
    dnssecOk: random.once(3),
    data: Buffer.concat(options),
  });
}

/** A name near one that exists. */
function misnamed(random: Random, name: string): string {
  const labels = name.split('.');
  const at = random.below(labels.length);
  switch (random.below(5)) {
    case 0:
      labels.splice(at, 1);
      break;
    case 1:
      labels.splice(
        at,
        0,
        random
          .bytes(1 + random.below(63))
          .toString('latin1')
          .replaceAll('.', '-'),
      );
      break;
    case 2:
      labels[at] = `${labels[at] ?? ''}x`;
      break;
    case 3:
      labels.splice(at, 0, random.of(['_tcp', '_udp', '_http', 'west', 'x'.repeat(63), 'svc', 'local']));
      break;
    default:
      return `${random.below(100_000)}.${name}`;
  }
  // What is over 255 bytes is for `mutate` to make.
  return labels.join('.').slice(0, 250);
}

const mixedCase = (random: Random, name: string): string =>
  name.replaceAll(/[a-z]/g, (letter) => (random.once(2) ? letter.toUpperCase() : letter));

/** One to a few changes to a packet's bytes; `other` is a packet to take bytes from. */
export function mutate(random: Random, packet: Buffer, other: Buffer): Buffer {
  let bytes = Buffer.from(packet);
  for (let times = 1 + random.below(3); times > 0; times--) bytes = Buffer.from(change(random, bytes, other));
  return bytes;
}

function change(random: Random, bytes: Buffer, other: Buffer): Buffer {
  if (bytes.length === 0) return random.bytes(random.below(40));
  const at = random.below(bytes.length);
  switch (random.below(9)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[at] = random.of([0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff, random.below(256)]);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(20)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(10))]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
    case 6:
      // A pointer: to itself, backwards, forwards or beyond.
      if (at + 2 <= bytes.length)
        uint16s(0xc000 | random.of([at, 0, 12, 13, at + 2, 0x3fff])).copy(bytes, at);
      return bytes;
    case 7:
      // A count of the header.
      if (bytes.length >= 12)
        uint16s(random.of([0, 1, 2, 3, 255, 65_535])).copy(bytes, 4 + 2 * random.below(4));
      return bytes;
    default:
      return Buffer.concat([bytes, random.bytes(1 + random.below(300))]);
  }
}
