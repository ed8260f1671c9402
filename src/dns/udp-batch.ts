/** The addon that sends and receives UDP in batches (native/udp-batch.c), where it is there. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A file descriptor. */
type Descriptor = number;

/** What a thread sends and receives with; its memory is the addon's as well. */
export interface Batch {
  readonly handle: object;
  /** How many messages it holds at most. */
  readonly messages: number;
  /** The n-th message received is at n times `packetBytes`, and its answer goes to the same place. */
  readonly packets: ArrayBuffer;
  readonly packetBytes: number;
  /** 32-bit numbers, {@link Meta.size} for each message; behind them how many answers the system did not take so far. */
  readonly meta: ArrayBuffer;
}

/** Which number of a message's is which. */
export const Meta = {
  /** Bytes that were received. */
  received: 0,
  /** Bytes of the answer; 0 = none. */
  answer: 1,
  /** Whose message it is: 4 or 6 for IPv4 or IPv6, and the first eight bytes of the address, zeros behind IPv4's four. */
  family: 2,
  address: 3,
  size: 5,
} as const;

/** Calls with wrong arguments throw; so does what the system refuses, with its `code`. */
export interface UdpBatchAddon {
  /** Of what follows: {@link REVISION}. Absent from what was built before there was one. */
  readonly revision?: number;
  /** Bytes of what {@link peer} writes: opaque, but for what peer.ts reads. */
  readonly peerBytes: number;
  /** Opens and binds a socket; with all zeros as its address one that answers from the address that was asked. */
  open(family: 4 | 6, port: number, reusePort: 0 | 1, bufferBytes: number, address: Uint8Array): Descriptor;
  portOf(socket: Descriptor): number;
  /** From now on the kernel gives what comes to other sockets on the port; what has come can still be received. */
  retire(socket: Descriptor): void;
  close(descriptor: Descriptor): void;
  /** Opens what ends the wait of an exchange. */
  openWake(): Descriptor;
  wake(wake: Descriptor): void;
  /** @param sockets their descriptors, 32 bits each */
  create(wake: Descriptor, sockets: Uint8Array): Batch;
  /**
   * Sends the answers to the messages of the last exchange and receives the next ones, all from one socket; waits for
   * them where there are none yet. @returns how many; 0 after the time or when woken
   */
  exchange(timeoutMs: number, handle: object): number;
  /** Writes who sent a message of the last exchange, and to which address: what {@link send} needs. */
  peer(index: number, handle: object, into: Uint8Array): void;
  /** Sends one answer, from any thread. @returns whether the system took it */
  send(length: number, message: Uint8Array, peer: Uint8Array): boolean;
}

const NATIVE = join(import.meta.dirname, '../../native');

/** Where it may be: built for this machine when Pharos was installed, or built before for this kind of machine. */
const PLACES = [
  join(NATIVE, 'build/udp-batch.node'),
  join(NATIVE, `prebuilt/${process.platform}-${process.arch}.node`),
];

/** Goes up with every change of {@link UdpBatchAddon}, with the one in native/udp-batch.c. */
const REVISION = 1;

/** The addon, or why there is none. One that was built for another version is none: it would not answer. */
export function loadUdpBatch(
  places: readonly string[] = PLACES,
): UdpBatchAddon | { readonly absent: string } {
  const problems: string[] = [];
  for (const place of places) {
    if (!existsSync(place)) continue;
    try {
      const addon = createRequire(import.meta.url)(place) as UdpBatchAddon;
      if (addon.revision === REVISION) return addon;
      problems.push(
        `${place} was built for another version of Pharos; install Pharos again (in a checkout: npm ci)`,
      );
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return {
    absent: problems.join('; ') || `it was not built for ${process.platform} on ${process.arch}`,
  };
}
