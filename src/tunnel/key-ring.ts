import type { Secret } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import { SecretText } from '../api/secret-text.ts';
import type { ObjectStore } from '../store/store.ts';
import { type KeyPair, makeKeyPair, type PublicKey, readKeyPair } from './keys.ts';

/** The keys of one gateway. */
export interface KeyRing {
  /** By which it shows who it is. */
  readonly current: KeyPair;
  /** What peers should accept, the current one first. */
  readonly published: readonly PublicKey[];
}

const CURRENT = 'key.pem';

/**
 * The gateway's keys from their Secret in its own cluster, made where there are none. The private half goes
 * nowhere else.
 *
 * @throws Error where the Secret holds no such key; StoreError
 */
export async function openKeyRing(
  store: ObjectStore,
  gateway: string,
  driver: 'ipsec' | 'wireguard',
): Promise<KeyRing> {
  const ref = { name: `pharos-gateway-${driver}.${gateway}`, namespace: SYSTEM_NAMESPACE };
  const found = await store.get(Kinds.Secret, ref);
  const stored = found?.data?.[CURRENT];
  if (stored !== undefined) {
    const current = readKeyPair(driver, new SecretText(Buffer.from(stored, 'base64').toString()));
    return { current, published: [current.publicKey] };
  }
  const current = makeKeyPair(driver);
  const secret: Secret = {
    apiVersion: Kinds.Secret.apiVersion,
    kind: 'Secret',
    metadata: { ...ref, labels: { [Label.importManagedBy]: MANAGED_BY } },
    type: 'Opaque',
    data: { [CURRENT]: Buffer.from(current.privateKey.reveal()).toString('base64') },
  };
  await store.apply(Kinds.Secret, secret, { if: 'absent' });
  return { current, published: [current.publicKey] };
}
