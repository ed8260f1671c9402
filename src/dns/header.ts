/** The twelve bytes that every DNS message starts with (RFC 1035, 4.1.1), as offsets and bits. */

export const HEADER_BYTES = 12;

/** Where the 16-bit fields are. */
export const At = { id: 0, questions: 4, answers: 6, authorities: 8, additionals: 10 } as const;

/** Bits of byte 2; the rest of it is the opcode. */
export const Flag = { response: 0x80, opcode: 0x78, authoritative: 0x04, truncated: 0x02, recursion: 0x01 };

/** Response codes that Pharos sends. Those above 15 need an OPT record (RFC 6891, 6.1.3). */
export const Rcode = {
  noError: 0,
  formErr: 1,
  servFail: 2,
  nxDomain: 3,
  notImp: 4,
  refused: 5,
  notAuth: 9,
  badVers: 16,
  badCookie: 23,
} as const;
export type Rcode = (typeof Rcode)[keyof typeof Rcode];

/** Class IN, the only one that zones are served in (RFC 1035, 3.2.4), and CH, for what a server says of itself. */
export const CLASS_IN = 1;
export const CLASS_CH = 3;

/** The longest message there is: TCP's length prefix has 16 bits (RFC 1035, 4.2.2). */
export const MAX_MESSAGE = 65_535;

/** The 16-bit number at `at`; the caller has checked that it lies within the bytes. */
export function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
