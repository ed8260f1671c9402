import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { INNER_VXLAN_PORT } from '../../host/marks.ts';
import { nft } from '../../host/nft.ts';
import { CommandError, type Run } from '../../host/run.ts';
import type { SecretText } from '../../api/secret-text.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Self } from '../admit.ts';
import type { CableDriver } from '../cable-driver.ts';
import { cableAddress, type GatewayRef, keyOfGateway } from '../gateway-ref.ts';
import { Charon, type EspBackend } from '../ipsec/charon.ts';
import type { ViciClient } from '../ipsec/vici-client.ts';
import type { ViciSection } from '../ipsec/vici-message.ts';
import { type PublicKey, publicKeyPem } from '../keys.ts';
import { type KeyRing, publishedKeys } from '../key-ring.ts';
import { IPSEC_PORT } from '../marks.ts';
import type { Cable } from '../plan-tunnels.ts';

export interface IpsecOptions {
  readonly self: Pick<Self, 'cluster' | 'gateway' | 'privateIP'>;
  readonly keys: KeyRing;
  /** Known to all members, in place of keys of each gateway's own. */
  readonly preSharedKey?: SecretText;
  readonly backend: EspBackend;
  readonly port?: number;
  readonly isBehindNat?: boolean;
  readonly stateDir: string;
  readonly run: Run;
  readonly clock: Clock;
  readonly log: Log;
}

/** Calls to dial again that are not further apart are of one silence. */
const SAME_SILENCE_MS = 10_000;
/** An association that is there is believed to carry for so many of them. */
const GIVEN_UP_AFTER = 5;

/** The IKE identity of a gateway, which the broker lets no other cluster claim. */
const identityOf = ({ cluster, gateway }: GatewayRef): string => `${cluster}.${gateway}`;

/** The connection that charon keeps to a peer, in vici's words. Exported for its golden test. */
export function connectionOf(
  {
    self,
    keys,
    port = IPSEC_PORT,
    preSharedKey,
  }: Pick<IpsecOptions, 'self' | 'keys' | 'port' | 'preSharedKey'>,
  cable: Cable,
): ViciSection {
  const { peer, device, remote } = cable;
  const authBy = (publicKeys: readonly PublicKey[]): ViciSection =>
    preSharedKey === undefined ? { auth: 'pubkey', pubkeys: publicKeys.map(publicKeyPem) } : { auth: 'psk' };
  return {
    [device]: {
      version: '2',
      local_addrs: [self.privateIP],
      // The first is dialled. A peer behind an address translation may come from anywhere: its key tells.
      remote_addrs: [remote, '%any'],
      local_port: String(port),
      remote_port: String(peer.port),
      proposals: ['aes256gcm16-prfsha256-x25519', 'chacha20poly1305-prfsha256-x25519'],
      encap: 'yes',
      mobike: 'no',
      unique: 'replace',
      dpd_delay: '10s',
      rekey_time: '4h',
      'local-1': { id: identityOf(self), ...authBy([keys.current.publicKey]) },
      'remote-1': { id: identityOf(peer), ...authBy(peer.publicKeys) },
      children: {
        [device]: {
          local_ts: [`${cableAddress(self)}/32`],
          remote_ts: [`${cableAddress(peer)}/32`],
          esp_proposals: ['aes128gcm16-x25519', 'chacha20poly1305-x25519'],
          rekey_time: '1h',
          dpd_action: 'clear',
          start_action: 'none',
        },
      },
    },
  };
}

/** charon's own encryption gives its device this MTU; in the kernel only ESP and UDP are in the way. */
const OVERHEAD = {
  userspace: { IPv4: 150, IPv6: 150 },
  kernel: { IPv4: 120, IPv6: 140 },
} as const;

export class IpsecDriver implements CableDriver {
  readonly name = 'ipsec';
  readonly carrier;
  readonly port: number;
  readonly caveat: string | undefined;
  readonly #options: IpsecOptions;
  readonly #charon: Charon;
  readonly #loaded = new Map<string, ViciSection>(); // cable's key → what charon was told
  /** Names of connections that charon had from an earlier process, as long as they were not looked at. */
  #adopted = new Set<string>();
  readonly #redials = new Map<string, { readonly count: number; readonly at: number }>(); // cable's key → in vain
  #loadedKey: string | undefined;
  #keys: KeyRing;

  constructor(options: IpsecOptions) {
    const { port = IPSEC_PORT, backend, stateDir, clock, log } = options;
    this.#options = options;
    this.#keys = options.keys;
    this.port = port;
    this.carrier = { between: 'inner', port: INNER_VXLAN_PORT, overhead: OVERHEAD[backend] } as const;
    this.caveat =
      backend === 'kernel'
        ? undefined
        : 'the kernel has no ESP: charon encrypts by itself, at some 300 Mbit/s instead of Gbit/s';
    this.#charon = new Charon({ dir: join(stateDir, 'ipsec'), port, backend, clock, log });
  }

  get publicKeys() {
    return publishedKeys(this.#keys);
  }

  /** A key that all know is nobody's to rotate. */
  get keys() {
    return this.#options.preSharedKey === undefined ? this.#keys : undefined;
  }

  setKeys(keys: KeyRing): void {
    this.#keys = keys;
  }

  guard() {
    const inner = nft`ip daddr 242.0.0.0/8 udp dport ${INNER_VXLAN_PORT}`;
    return [
      this.#options.backend === 'kernel'
        ? nft`${inner} meta secpath missing counter drop`
        : nft`${inner} iifname != "ipsec*" counter drop`,
    ];
  }

  async start(): Promise<void> {
    await this.#client();
  }

  async set(cables: readonly Cable[]): Promise<ReadonlyMap<string, string>> {
    const client = await this.#client();
    const failures = new Map<string, string>();
    const wanted = new Map(cables.map((cable) => [cable.key, cable]));
    for (const [key, loaded] of this.#loaded) {
      if (wanted.has(key)) continue;
      const [name = ''] = Object.keys(loaded);
      await this.#drop(client, name);
      this.#loaded.delete(key);
    }
    const devices = new Set<string>(cables.map(({ device }) => device));
    for (const name of this.#adopted) {
      if (devices.has(name)) continue;
      await this.#drop(client, name);
      this.#adopted.delete(name);
    }
    for (const cable of cables) {
      const connection = connectionOf({ ...this.#options, keys: this.#keys }, cable);
      const before = this.#loaded.get(cable.key);
      if (isDeepStrictEqual(before, connection)) continue;
      try {
        await client.command('load-conn', connection);
        this.#loaded.set(cable.key, connection);
        // What was agreed with other keys or at another address has no standing any more.
        if (before !== undefined && !isSamePeer(before, connection, cable.device)) {
          await this.#terminate(client, cable.device);
        } else if (before !== undefined && !isSameSelf(before, connection, cable.device)) {
          await this.#showAgain(client, cable.device);
          continue;
        }
        // A tunnel that an earlier process brought up goes on.
        if (this.#adopted.delete(cable.device)) continue;
        if (this.#dials(cable)) await this.#initiate(client, cable);
      } catch (error) {
        if (client.isClosed) throw error;
        failures.set(cable.key, (error as Error).message);
      }
    }
    return failures;
  }

  async redial(cable: Cable): Promise<void> {
    const client = await this.#client();
    const now = this.#options.clock.monotonic();
    const before = this.#redials.get(cable.key);
    const count = before !== undefined && now - before.at < SAME_SILENCE_MS ? before.count + 1 : 1;
    this.#redials.set(cable.key, { count, at: now });
    // One of two dials, lest they talk at cross purposes; the other one after a while.
    if (!this.#dials(cable) && count % 3 !== 0) return;
    const known = await client.stream('list-sas', 'list-sa', { ike: cable.device });
    if (known.length > 0) {
      // The other end's process may be away while its tunnel goes on carrying.
      if (count < GIVEN_UP_AFTER) return;
      await this.#terminate(client, cable.device);
      this.#redials.delete(cable.key);
    }
    await this.#initiate(client, cable);
  }

  stop(): Promise<void> {
    this.#charon.disconnect();
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    return this.#charon.stop();
  }

  /** Only one of the two begins: the one that nobody could reach, else the one of the lesser name. */
  #dials({ peer, key }: Cable): boolean {
    const { self, isBehindNat = false } = this.#options;
    if (isBehindNat !== peer.isBehindNat) return isBehindNat;
    return keyOfGateway(self) < key;
  }

  async #client(): Promise<ViciClient> {
    const { preSharedKey } = this.#options;
    const keys = this.#keys;
    const { client, isNew } = await this.#charon.connect();
    if (isNew) {
      this.#loaded.clear();
      this.#loadedKey = undefined;
      if (preSharedKey !== undefined) {
        const owners: string[] = []; // anybody
        await client.command('load-shared', {
          id: 'pharos',
          type: 'IKE',
          data: preSharedKey.reveal(),
          owners,
        });
      }
      await this.#takeOver(client);
    }
    if (this.#loadedKey !== keys.current.publicKey) {
      // Only the one in use stays; one that a tunnel was agreed with is needed for nothing later.
      const { keys: before } = await client.command('get-keys');
      const { id } = await client.command('load-key', {
        type: 'any',
        data: keys.current.privateKey.reveal(),
      });
      for (const old of Array.isArray(before) ? (before as readonly string[]) : []) {
        if (old !== id) await client.command('unload-key', { id: old });
      }
      this.#loadedKey = keys.current.publicKey;
    }
    return client;
  }

  /** What a charon that was there before carries goes on; what is not wanted any more is found by name. */
  async #takeOver(client: ViciClient): Promise<void> {
    const { conns } = await client.command('get-conns');
    this.#adopted = new Set(Array.isArray(conns) ? (conns as readonly string[]) : []);
  }

  async #initiate(client: ViciClient, { device }: Cable): Promise<void> {
    // -1 = do not wait: probes tell whether it came up.
    await client.command('initiate', { child: device, ike: device, timeout: '-1' });
  }

  /** Shows who this is anew, by the new key: another association is there before the old one goes. */
  async #showAgain(client: ViciClient, name: string): Promise<void> {
    try {
      await client.command('rekey', { ike: name, reauth: 'yes' });
    } catch (error) {
      // Where there is none, the next one will be by the new key anyway.
      if (client.isClosed) throw error;
    }
  }

  async #terminate(client: ViciClient, name: string): Promise<void> {
    try {
      await client.command('terminate', { ike: name, force: 'yes', timeout: '-1' });
    } catch (error) {
      // "no matching SAs" is a success.
      if (client.isClosed) throw error;
    }
  }

  async #drop(client: ViciClient, name: string): Promise<void> {
    try {
      await client.command('unload-conn', { name });
    } catch (error) {
      if (client.isClosed) throw error;
    }
    await this.#terminate(client, name);
  }
}

/** Whether the peer is dialled where it was, and some key of it has stayed, as while it rotates them. */
function isSamePeer(a: ViciSection, b: ViciSection, name: string): boolean {
  const [x, y] = [a[name] as ViciSection, b[name] as ViciSection];
  if (!isDeepStrictEqual(x['remote_addrs'], y['remote_addrs'])) return false;
  const keysOf = (section: ViciSection): readonly string[] | undefined =>
    (section['remote-1'] as ViciSection)['pubkeys'] as readonly string[] | undefined;
  const [before, after] = [keysOf(x), keysOf(y)];
  if (before === undefined || after === undefined) return before === after;
  return before.some((key) => after.includes(key));
}

const isSameSelf = (a: ViciSection, b: ViciSection, name: string): boolean =>
  isDeepStrictEqual((a[name] as ViciSection)['local-1'], (b[name] as ViciSection)['local-1']);

/** Whether the kernel encrypts by itself; tried with a state of no use, which goes again. */
export async function espBackend(run: Run): Promise<EspBackend> {
  const id = ['src', '127.111.0.1', 'dst', '127.111.0.2', 'proto', 'esp', 'spi', '0x7001'];
  try {
    const key = `0x${'11'.repeat(20)}`;
    await run('ip', [
      'xfrm',
      'state',
      'add',
      ...id,
      'mode',
      'tunnel',
      'aead',
      'rfc4106(gcm(aes))',
      key,
      '128',
    ]);
  } catch (error) {
    if (error instanceof CommandError && error.code === 'command-failed') return 'userspace';
    throw error;
  }
  await run('ip', ['xfrm', 'state', 'delete', ...id]);
  return 'kernel';
}
