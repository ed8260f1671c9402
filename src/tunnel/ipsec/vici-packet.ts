import { decodeMessage, encodeMessage, short, ViciFormatError, type ViciSection } from './vici-message.ts';

/** What a client sends. */
export type ViciRequest =
  | { readonly type: 'command'; readonly name: string; readonly message: ViciSection }
  | { readonly type: 'register' | 'unregister'; readonly name: string };

/** What charon sends. */
export type ViciPacket =
  | { readonly type: 'response'; readonly message: ViciSection }
  | { readonly type: 'unknown-command' | 'registered' | 'unknown-event' }
  | { readonly type: 'event'; readonly name: string; readonly message: ViciSection };

const TYPES = { command: 0, register: 3, unregister: 4 } as const;
const RESPONSE = 1;
const UNKNOWN_COMMAND = 2;
const REGISTERED = 5;
const UNKNOWN_EVENT = 6;
const EVENT = 7;

/** charon's own limit for a packet. */
const MAX_PACKET = 512 * 1024;

/** With the length before it, as it goes over the socket. */
export function encodeRequest(request: ViciRequest): Buffer {
  const body = Buffer.concat([
    Buffer.of(TYPES[request.type]),
    short(request.name),
    request.type === 'command' ? encodeMessage(request.message) : Buffer.alloc(0),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** @param bytes without the length. @throws ViciFormatError */
function decodePacket(bytes: Buffer): ViciPacket {
  const type = bytes[0] ?? -1;
  switch (type) {
    case RESPONSE:
      return { type: 'response', message: decodeMessage(bytes.subarray(1)) };
    case UNKNOWN_COMMAND:
      return { type: 'unknown-command' };
    case REGISTERED:
      return { type: 'registered' };
    case UNKNOWN_EVENT:
      return { type: 'unknown-event' };
    case EVENT: {
      const end = 2 + (bytes[1] ?? 0);
      if (bytes.length < end) throw new ViciFormatError('An event of vici ends within its name');
      return {
        type: 'event',
        name: bytes.toString('utf8', 2, end),
        message: decodeMessage(bytes.subarray(end)),
      };
    }
    default:
      throw new ViciFormatError(`A packet of vici has type ${type}, which is none`);
  }
}

/** Cuts a stream of bytes into packets, however the bytes come. */
export class ViciReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns the packets that are complete now. @throws ViciFormatError, after which it is of no use */
  push(bytes: Buffer): ViciPacket[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const packets: ViciPacket[] = [];
    let at = 0;
    while (this.#rest.length - at >= 4) {
      const length = this.#rest.readUInt32BE(at);
      if (length > MAX_PACKET) throw new ViciFormatError(`A packet of vici claims to have ${length} bytes`);
      if (this.#rest.length - at < 4 + length) break;
      packets.push(decodePacket(this.#rest.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    this.#rest = this.#rest.subarray(at);
    return packets;
  }
}
