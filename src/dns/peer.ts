/** Who sent a packet, as the addon says it: 48 bytes, of which only the address is for us. */
import { canonicalIp } from '../api/ip.ts';
import type { Client } from './client.ts';

/** Offsets; see `peer` in native/udp-batch.c. */
const At = { family: 0, port: 2, address: 4 } as const;

/** A client whose address is put into words only when asked for. */
export class Peer implements Client {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get port(): number {
    return (this.#bytes[At.port]! << 8) | this.#bytes[At.port + 1]!;
  }

  get address(): string {
    const bytes = this.#bytes;
    if (bytes[At.family] === 4) return bytes.subarray(At.address, At.address + 4).join('.');
    const groups = Array.from({ length: 8 }, (_, group) =>
      ((bytes[At.address + 2 * group]! << 8) | bytes[At.address + 2 * group + 1]!).toString(16),
    );
    return canonicalIp(groups.join(':'));
  }
}
