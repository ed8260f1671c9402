import { DEVICE_PREFIX } from './marks.ts';

declare const brand: unique symbol;

/** Name of a network device, safe in every command and configuration. */
export type DeviceName = string & { readonly [brand]: 'DeviceName' };
/** Ethernet address in lower case. */
export type Mac = string & { readonly [brand]: 'Mac' };
/** Text of a link's alias: one word. */
export type LinkAlias = string & { readonly [brand]: 'LinkAlias' };

/** IFNAMSIZ is 16 with the zero byte. The kernel takes almost any byte; what is named otherwise, Pharos leaves alone. */
const DEVICE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/;

export const isDeviceName = (text: string): text is DeviceName => DEVICE.test(text);

/** A link with less carries no IPv6 (RFC 8200, 5), and a kernel takes it off such a device. */
export const IPV6_LEAST_MTU = 1280;

/** @throws Error that says what is wrong with `text` */
export function parseDevice(text: string): DeviceName {
  if (!isDeviceName(text)) {
    throw new Error(
      `${JSON.stringify(text)} is not a device name: 1 to 15 of letters, digits, "_", "." and "-"`,
    );
  }
  return text;
}

/** @throws Error that says what is wrong with `text` */
export function parseMac(text: string): Mac {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text)) {
    throw new Error(`${JSON.stringify(text)} is not an Ethernet address`);
  }
  return text as Mac;
}

/** @throws Error where `text` is not one word of letters, digits and `:._-` */
export function parseAlias(text: string): LinkAlias {
  if (!/^[A-Za-z0-9:._-]{1,255}$/.test(text)) {
    throw new Error(`${JSON.stringify(text)} is no alias for a link of Pharos`);
  }
  return text as LinkAlias;
}

/** Whether a name is one that Pharos gives; a link is its own only if its alias says so too. */
export const hasOurName = (name: string): boolean => name.startsWith(DEVICE_PREFIX);
