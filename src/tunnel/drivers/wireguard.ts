import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf } from '../../api/cidr.ts';
import { parseDevice } from '../../host/device.ts';
import { readLinks } from '../../host/ip-state.ts';
import { ALIAS_PREFIX, INNER_VXLAN_PORT, WIREGUARD_DEVICE } from '../../host/marks.ts';
import { nft } from '../../host/nft.ts';
import { kernelHas } from '../../host/requirements.ts';
import type { Run } from '../../host/run.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { CableDriver } from '../cable-driver.ts';
import { DetachedProgram } from '../detached-program.ts';
import { cableAddress } from '../gateway-ref.ts';
import { type KeyRing, publishedKeys } from '../key-ring.ts';
import { type PublicKey, wireguardPrivateKey } from '../keys.ts';
import { WIREGUARD_PORT } from '../marks.ts';
import type { Cable } from '../plan-tunnels.ts';

export interface WireguardOptions {
  readonly keys: KeyRing;
  /** Whether the kernel has it; else wireguard-go must be in PATH. */
  readonly isInKernel: boolean;
  readonly port?: number;
  readonly stateDir: string;
  readonly run: Run;
  readonly clock: Clock;
  readonly log: Log;
}

const DEVICE = parseDevice(WIREGUARD_DEVICE);
const ALIAS = `${ALIAS_PREFIX}wireguard`;
/** Keeps the way back open through an address translation (WireGuard's own advice is 25). */
const KEEPALIVE_SECONDS = 15;
const DEVICE_MTU = 1420;
const START_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** All peers, as `wg syncconf` takes them. Exported for its golden test. */
export function wireguardConf(port: number, privateKey: string, cables: readonly Cable[]): string {
  const peers = cables.flatMap(({ peer, remote }) => {
    const host = familyOf(remote) === 'IPv6' ? `[${remote}]` : remote;
    return peer.publicKeys.flatMap((key, i) => [
      '[Peer]',
      `PublicKey = ${key}`,
      // Keys that are not in use (any more) may shake hands and carry nothing.
      ...(i > 0
        ? []
        : [
            `AllowedIPs = ${cableAddress(peer)}/32`,
            `PersistentKeepalive = ${KEEPALIVE_SECONDS}`,
            // Who cannot be reached dials, and its address is learned.
            ...(peer.isBehindNat ? [] : [`Endpoint = ${host}:${peer.port}`]),
          ]),
    ]);
  });
  return ['[Interface]', `ListenPort = ${port}`, `PrivateKey = ${privateKey}`, ...peers, ''].join('\n');
}

/**
 * One WireGuard device for all peers, each allowed its cable address alone; the tunnels' VXLANs go between
 * these. So one port serves all, and routes decide, where WireGuard's own choice by networks would let one
 * gateway of a cluster be heard and the other not.
 */
export class WireguardDriver implements CableDriver {
  readonly name = 'wireguard';
  readonly carrier = {
    between: 'inner',
    port: INNER_VXLAN_PORT,
    overhead: { IPv4: 130, IPv6: 130 },
    device: DEVICE,
  } as const;
  readonly port: number;
  readonly caveat: string | undefined;
  readonly #options: WireguardOptions;
  readonly #program: DetachedProgram;
  #keys: KeyRing;
  #loaded = '';

  constructor(options: WireguardOptions) {
    const { port = WIREGUARD_PORT, isInKernel, stateDir, clock } = options;
    this.#options = options;
    this.#keys = options.keys;
    this.port = port;
    this.caveat = isInKernel ? undefined : 'the kernel has no WireGuard: wireguard-go encrypts in its place';
    this.#program = new DetachedProgram({
      name: 'wireguard-go',
      dir: join(stateDir, 'wireguard'),
      file: 'wireguard-go',
      args: ['-f', DEVICE],
      env: { LOG_LEVEL: 'error' },
      clock,
    });
  }

  get publicKeys() {
    return publishedKeys(this.#keys);
  }

  get keys() {
    return this.#keys;
  }

  setKeys(keys: KeyRing): void {
    this.#keys = keys;
  }

  guard() {
    return [nft`ip daddr 242.0.0.0/8 udp dport ${INNER_VXLAN_PORT} iifname != "ph-wg" counter drop`];
  }

  async start(): Promise<void> {
    const { isInKernel, run, log } = this.#options;
    const isThere = await this.#exists();
    if (isInKernel) {
      if (!isThere) await run('ip', ['link', 'add', DEVICE, 'type', 'wireguard']);
    } else if (!isThere || (await this.#program.pid()) === undefined) {
      try {
        await this.#program.start();
      } catch (cause) {
        throw new Error(
          `Cannot run wireguard-go: ${(cause as Error).message}; this kernel has no WireGuard, so put a recent wireguard-go into PATH or use another --cable-driver`,
          { cause },
        );
      }
      log.info({ device: DEVICE }, 'Started wireguard-go');
      await this.#untilThere();
    }
    await run('ip', ['link', 'set', DEVICE, 'mtu', String(DEVICE_MTU), 'alias', ALIAS]);
    await run('ip', ['link', 'set', DEVICE, 'up']);
    if (!isThere) this.#loaded = '';
  }

  async set(
    cables: readonly Cable[],
    silent: ReadonlySet<string> = new Set(),
  ): Promise<ReadonlyMap<string, string>> {
    if (!(await this.#exists())) await this.start();
    for (const { key, peer } of cables) {
      if (silent.has(key) && !peer.isBehindNat) await this.#forget(peer.publicKeys[0]);
    }
    const conf = wireguardConf(this.port, wireguardPrivateKey(this.#keys.current).reveal(), cables);
    // A peer that has moved is known at its new address; to say the old one again would undo that.
    if (conf !== this.#loaded) await this.#sync(conf);
    this.#loaded = conf;
    return new Map();
  }

  /** It asks a peer again only 5 s after it did in vain, at whatever address; a peer that is new is asked at once. */
  async #forget(key: PublicKey | undefined): Promise<void> {
    if (key === undefined) return;
    await this.#options.run('wg', ['set', DEVICE, 'peer', key, 'remove']);
    this.#loaded = '';
  }

  /** By a file that nobody else can read: `wg` opens its input by name, which it cannot where that is a socket. */
  async #sync(conf: string): Promise<void> {
    const { run, stateDir } = this.#options;
    const dir = join(stateDir, 'wireguard');
    const file = join(dir, 'ph-wg.conf');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    try {
      await writeFile(file, conf, { mode: 0o600 });
      await run('wg', ['syncconf', DEVICE, file]);
    } finally {
      await rm(file, { force: true });
    }
  }

  async redial({ peer, remote }: Cable): Promise<void> {
    const [key] = peer.publicKeys;
    if (key === undefined || peer.isBehindNat) return;
    const host = familyOf(remote) === 'IPv6' ? `[${remote}]` : remote;
    await this.#options.run('wg', ['set', DEVICE, 'peer', key, 'endpoint', `${host}:${peer.port}`]);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  async cleanup(): Promise<void> {
    await this.#program.stop();
    const link = (await readLinks(this.#options.run)).find(({ name }) => name === DEVICE);
    if (link?.alias === ALIAS) await this.#options.run('ip', ['link', 'del', DEVICE]);
  }

  async #exists(): Promise<boolean> {
    return (await readLinks(this.#options.run)).some(({ name }) => name === DEVICE);
  }

  async #untilThere(): Promise<void> {
    const { clock } = this.#options;
    const end = clock.monotonic() + START_MS;
    for (;;) {
      try {
        // It has a device first and a socket a moment later.
        await this.#options.run('wg', ['show', DEVICE, 'listen-port']);
        return;
      } catch (cause) {
        if (clock.monotonic() >= end || (await this.#program.pid()) === undefined) {
          throw new Error(`wireguard-go does not come up: ${await this.#program.said()}`, { cause });
        }
      }
      await clock.sleep(LOOK_EVERY_MS);
    }
  }
}

/** Whether the kernel has WireGuard. */
export const wireguardInKernel = (run: Run): Promise<boolean> => kernelHas(run, 'wireguard');
