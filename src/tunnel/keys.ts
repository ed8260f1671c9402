import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from 'node:crypto';
import { SecretText } from '../api/secret-text.ts';
import type { CableDriverName } from '../api/tunnel.ts';

declare const brand: unique symbol;
/** 32 bytes in Base64: of ed25519 for IPsec, of X25519 for WireGuard. */
export type PublicKey = string & { readonly [brand]: 'PublicKey' };

/** A gateway's own pair. The private half prints as `[secret]`. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  /** PKCS #8, PEM. */
  readonly privateKey: SecretText;
}

const CURVES = { ipsec: 'ed25519', wireguard: 'x25519' } as const;
/** Drivers whose gateways have keys. */
export type KeyedDriver = keyof typeof CURVES;
/** RFC 8410: what stands before the 32 bytes in a SubjectPublicKeyInfo. */
const SPKI = {
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
  x25519: Buffer.from('302a300506032b656e032100', 'hex'),
} as const;
const KEY_BYTES = 32;

/** Undefined where `text` is no key that a peer could have: of another length, not in canonical Base64, or all zero. */
export function parsePublicKey(text: string): PublicKey | undefined {
  const bytes = Buffer.from(text, 'base64');
  const isKey = bytes.length === KEY_BYTES && bytes.toString('base64') === text && bytes.some((b) => b !== 0);
  return isKey ? (text as PublicKey) : undefined;
}

export function makeKeyPair(driver: KeyedDriver): KeyPair {
  const pair: KeyPairKeyObjectResult =
    driver === 'ipsec' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return pairOf(pair.privateKey);
}

function pairOf(privateKey: KeyObject): KeyPair {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    publicKey: spki.subarray(-KEY_BYTES).toString('base64') as PublicKey,
    privateKey: new SecretText(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
}

/** @throws Error where `pem` holds no private key of the driver's kind */
export function readKeyPair(driver: KeyedDriver, pem: SecretText): KeyPair {
  const key = createPrivateKey(pem.reveal());
  if (key.asymmetricKeyType !== CURVES[driver]) {
    throw new Error(`The key is of kind ${key.asymmetricKeyType}, ${driver} needs ${CURVES[driver]}`);
  }
  return pairOf(key);
}

/** An ed25519 key as strongSwan takes it. */
export const publicKeyPem = (key: PublicKey): string =>
  `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([SPKI.ed25519, Buffer.from(key, 'base64')]).toString('base64')}\n-----END PUBLIC KEY-----\n`;

/** A private X25519 key as `wg` takes it: the 32 bytes in Base64. */
export function wireguardPrivateKey({ privateKey }: KeyPair): SecretText {
  const der = createPrivateKey(privateKey.reveal()).export({ type: 'pkcs8', format: 'der' });
  return new SecretText(der.subarray(-KEY_BYTES).toString('base64'));
}

/** Whether the driver's tunnels are encrypted, so that gateways have keys. */
export const hasKeys = (driver: CableDriverName): driver is KeyedDriver => driver !== 'vxlan';
