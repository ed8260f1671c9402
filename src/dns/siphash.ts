/**
 * SipHash-2-4 (Aumasson, Bernstein 2012), as RFC 9018 wants it for server cookies. Node has no MAC for messages
 * this short that other servers would understand; numbers of 32 bits are what JavaScript multiplies and shifts fast.
 */

/** Four words of 64 bits, each as its low and its high half. */
type State = Int32Array;

/** Where each word starts in the state. */
const V0 = 0;
const V1 = 2;
const V2 = 4;
const V3 = 6;

/** "somepseudorandomlygeneratedbytes", the constants of the paper, by halves. */
const CONSTANTS = Int32Array.of(
  0x70736575,
  0x736f6d65,
  0x6e646f6d,
  0x646f7261,
  0x6e657261,
  0x6c796765,
  0x79746573,
  0x74656462,
);

/**
 * @param key 16 bytes
 * @returns 8 bytes, the lowest first
 */
export function sipHash24(key: Buffer, message: Buffer): Buffer {
  const v = Int32Array.from(CONSTANTS);
  for (let half = 0; half < 4; half++) {
    const word = key.readInt32LE(4 * half);
    v[half]! ^= word;
    v[half + 4]! ^= word;
  }
  const whole = message.length - (message.length % 8);
  const last = Buffer.alloc(8);
  message.copy(last, 0, whole);
  last[7] = message.length;
  for (let at = 0; at <= whole; at += 8) {
    const block = at < whole ? message.subarray(at, at + 8) : last;
    const [low, high] = [block.readInt32LE(0), block.readInt32LE(4)];
    v[V3]! ^= low;
    v[V3 + 1]! ^= high;
    rounds(v, 2);
    v[V0]! ^= low;
    v[V0 + 1]! ^= high;
  }
  v[V2]! ^= 0xff;
  rounds(v, 4);
  const hash = Buffer.alloc(8);
  hash.writeInt32LE(v[V0]! ^ v[V1]! ^ v[V2]! ^ v[V3]!, 0);
  hash.writeInt32LE(v[V0 + 1]! ^ v[V1 + 1]! ^ v[V2 + 1]! ^ v[V3 + 1]!, 4);
  return hash;
}

function rounds(v: State, count: number): void {
  for (let round = 0; round < count; round++) {
    add(v, V0, V1);
    rotate(v, V1, 13);
    exor(v, V1, V0);
    swap(v, V0);
    add(v, V2, V3);
    rotate(v, V3, 16);
    exor(v, V3, V2);
    add(v, V0, V3);
    rotate(v, V3, 21);
    exor(v, V3, V0);
    add(v, V2, V1);
    rotate(v, V1, 17);
    exor(v, V1, V2);
    swap(v, V2);
  }
}

function add(v: State, to: number, from: number): void {
  const low = (v[to]! >>> 0) + (v[from]! >>> 0);
  v[to] = low;
  v[to + 1] = v[to + 1]! + v[from + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

/** To the left, by less than 32. */
function rotate(v: State, at: number, bits: number): void {
  const [low, high] = [v[at]!, v[at + 1]!];
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}

function exor(v: State, to: number, from: number): void {
  v[to]! ^= v[from]!;
  v[to + 1]! ^= v[from + 1]!;
}

/** To the left by 32. */
function swap(v: State, at: number): void {
  [v[at], v[at + 1]] = [v[at + 1]!, v[at]!];
}
