import { uint16 } from './header.ts';

/** An address of 4 or 16 bytes as text that names it, not always the shortest. */
export const textualIp = (bytes: Uint8Array): string =>
  bytes.length === 4
    ? bytes.join('.')
    : Array.from({ length: 8 }, (_, index) => uint16(bytes, 2 * index).toString(16)).join(':');
