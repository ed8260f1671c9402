import type { Secret } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import { Label, MANAGED_BY, SYSTEM_NAMESPACE } from '../api/names.ts';
import { SecretText } from '../api/secret-text.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import {
  type KeyedDriver,
  type KeyPair,
  makeKeyPair,
  parsePublicKey,
  type PublicKey,
  readKeyPair,
} from './keys.ts';

/** The keys of one gateway. While they are rotated there are two, and peers accept both. */
export interface KeyRing {
  /** By which it shows who it is. */
  readonly current: KeyPair;
  /** Made and published, not in use yet. */
  readonly next?: KeyPair;
  /** What was in use before, and may still be where a peer has not heard of the new one. */
  readonly old?: PublicKey;
  /** When it came to be as it is, in milliseconds since 1970. */
  readonly since: number;
  /** The last request for new keys that was followed. */
  readonly request?: string;
}

/** What peers should accept, the current one first. */
export const publishedKeys = ({ current, next, old }: KeyRing): PublicKey[] =>
  [current.publicKey, next?.publicKey, old].filter((key) => key !== undefined);

export interface RotationTimes {
  /** Age of a key at which a new one is made; undefined = only when asked for. */
  readonly everyMs: number | undefined;
  /** Peers have so long to hear of a new key before it is used, */
  readonly announceMs: number;
  /** and of its use before the old one is no more accepted. */
  readonly keepMs: number;
}

/** `announce`: make a key and publish it. `switch`: use it. `forget`: withdraw the old one. */
export type RotationStep = 'announce' | 'switch' | 'forget';

/** The step that is due. Pure; a rotation that another process began goes on where it was. */
export function dueStep(
  { next, old, since, request: followed }: KeyRing,
  now: number,
  { everyMs, announceMs, keepMs }: RotationTimes,
  request: string | undefined,
): RotationStep | undefined {
  if (next !== undefined) return now - since >= announceMs ? 'switch' : undefined;
  if (old !== undefined) return now - since >= keepMs ? 'forget' : undefined;
  if (request !== undefined && request !== followed) return 'announce';
  return everyMs !== undefined && now - since >= everyMs ? 'announce' : undefined;
}

export function afterStep(
  ring: KeyRing,
  step: RotationStep,
  now: number,
  make: () => KeyPair,
  request: string | undefined,
): KeyRing {
  const { current, next, request: followed } = ring;
  const asked = request ?? followed;
  const kept = { since: now, ...(asked !== undefined && { request: asked }) };
  switch (step) {
    case 'announce':
      return { current, next: make(), ...kept };
    case 'switch':
      return next === undefined ? ring : { current: next, old: current.publicKey, ...kept };
    case 'forget':
      return { current, ...kept, ...(followed !== undefined && { request: followed }) };
    default:
      return step satisfies never;
  }
}

const FILE = {
  current: 'key.pem',
  next: 'next.pem',
  old: 'old.pub',
  since: 'since',
  request: 'request',
} as const;

const refOf = (gateway: string, driver: KeyedDriver) => ({
  name: `pharos-gateway-${driver}.${gateway}`,
  namespace: SYSTEM_NAMESPACE,
});

/**
 * The gateway's keys from their Secret in its own cluster, made where there are none. Private halves go
 * nowhere else.
 *
 * @throws Error where the Secret holds no such key; StoreError
 */
export async function openKeyRing(
  store: ObjectStore,
  gateway: string,
  driver: KeyedDriver,
  now: number,
): Promise<KeyRing> {
  const found = await store.get(Kinds.Secret, refOf(gateway, driver));
  const text = (name: string): string | undefined => {
    const stored = found?.data?.[name];
    return stored === undefined ? undefined : Buffer.from(stored, 'base64').toString();
  };
  const stored = text(FILE.current);
  if (stored === undefined) {
    const ring = { current: makeKeyPair(driver), since: now };
    await store.apply(Kinds.Secret, secretOf(gateway, driver, ring), { if: 'absent' });
    return ring;
  }
  const [next, old, since, request] = [text(FILE.next), text(FILE.old), text(FILE.since), text(FILE.request)];
  const oldKey = old === undefined ? undefined : parsePublicKey(old);
  const made = Date.parse(since ?? found?.metadata.creationTimestamp ?? '');
  return {
    current: readKeyPair(driver, new SecretText(stored)),
    ...(next !== undefined && { next: readKeyPair(driver, new SecretText(next)) }),
    ...(oldKey !== undefined && { old: oldKey }),
    since: Number.isNaN(made) ? now : made,
    ...(request !== undefined && { request }),
  };
}

/** @throws StoreError */
export async function storeKeyRing(
  store: ObjectStore,
  gateway: string,
  driver: KeyedDriver,
  ring: KeyRing,
): Promise<void> {
  // Somebody may have taken the Secret away, to be rid of the key at once: it is not written anew behind their back.
  const found = await store.get(Kinds.Secret, refOf(gateway, driver));
  const resourceVersion = found?.metadata.resourceVersion;
  if (found === undefined) throw new StoreError('conflict', 'The Secret with the keys is gone');
  const condition = resourceVersion === undefined ? {} : { if: { resourceVersion } };
  await store.apply(Kinds.Secret, secretOf(gateway, driver, ring), condition);
}

function secretOf(gateway: string, driver: KeyedDriver, ring: KeyRing): Secret {
  const texts = {
    [FILE.current]: ring.current.privateKey.reveal(),
    [FILE.next]: ring.next?.privateKey.reveal(),
    [FILE.old]: ring.old,
    [FILE.since]: new Date(ring.since).toISOString(),
    [FILE.request]: ring.request,
  };
  const data = Object.entries(texts).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, Buffer.from(text).toString('base64')] as const],
  );
  return {
    apiVersion: Kinds.Secret.apiVersion,
    kind: 'Secret',
    metadata: { ...refOf(gateway, driver), labels: { [Label.importManagedBy]: MANAGED_BY } },
    type: 'Opaque',
    data: Object.fromEntries(data),
  };
}
