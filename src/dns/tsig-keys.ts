import { createSecretKey, type KeyObject } from 'node:crypto';

export interface TsigKey {
  /** In wire form, lower case. */
  readonly name: Buffer;
  readonly secret: KeyObject;
}

/** All are good; the first is used for what we ask. */
export type TsigKeys = readonly [TsigKey, ...TsigKey[]];

/** How others are known to have a key, and we to them. */
export interface Signing {
  readonly keys: () => TsigKeys;
  /** Seconds since 1970. */
  readonly now: () => number;
}

/** So that an error and its signature fit into the smallest message, whatever was asked. */
const MAX_NAME = 63;
/** What is shorter can be guessed. */
const MIN_SECRET_BYTES = 16;
const KEY = /^hmac-sha256:((?:[\w-]+\.)*[\w-]+)\.?:([A-Za-z0-9+/]+={0,2})$/i;
const EXAMPLE = 'make one with: echo "hmac-sha256:pharos:$(openssl rand -base64 32)"';

/**
 * Keys as kdig and Knot write them, one a line: `hmac-sha256:NAME:BASE64`.
 * @throws Error with the line that is none
 */
export function parseTsigKeys(text: string): TsigKeys {
  const keys: TsigKey[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name = '', base64 = ''] = KEY.exec(line.trim()) ?? [];
    const secret = Buffer.from(base64, 'base64');
    if (name === '' || name.length > MAX_NAME || secret.length < MIN_SECRET_BYTES) {
      throw new Error(
        `line ${index + 1} is no hmac-sha256:NAME:SECRET with a name of at most ${MAX_NAME} letters and a secret ` +
          `of at least ${MIN_SECRET_BYTES} bytes in base64; ${EXAMPLE}`,
      );
    }
    const labels = name.toLowerCase().split('.');
    const wire = [...labels, ''].map((label) => `${String.fromCharCode(label.length)}${label}`).join('');
    keys.push({ name: Buffer.from(wire, 'latin1'), secret: createSecretKey(secret) });
  }
  const [first, ...others] = keys;
  if (first === undefined) throw new Error(`there is no key in it; ${EXAMPLE}`);
  return [first, ...others];
}
