import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../observability/log.ts';
import type { Clock } from '../../runtime/clock.ts';
import { DetachedProgram } from '../detached-program.ts';
import { ViciClient, ViciError } from './vici-client.ts';

/** Who does the encryption of packets: the kernel, or where it cannot, charon itself. */
export type EspBackend = 'kernel' | 'userspace';

export interface CharonOptions {
  /** Its own directory: settings, socket, log. Nothing of the host's strongSwan is read or written. */
  readonly dir: string;
  /** UDP, for IKE and ESP alike (RFC 3948). */
  readonly port: number;
  readonly backend: EspBackend;
  readonly clock: Clock;
  readonly log: Log;
}

const PROGRAM = 'charon-systemd';
const PLUGINS =
  'random nonce openssl aes sha1 sha2 hmac kdf gcm chapoly curve25519 pem pkcs1 pkcs8 x509 pubkey constraints revocation';
/** Routes of charon's own: not its default, which a strongSwan of the host's would use. */
const ROUTING_TABLE = 1489;
const START_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** Only what the code makes goes into this file: a path that the operator gave, and numbers. */
export function strongswanConf({
  dir,
  port,
  backend,
}: Pick<CharonOptions, 'dir' | 'port' | 'backend'>): string {
  if (!/^[A-Za-z0-9/._-]+$/.test(dir)) {
    throw new Error(`"${dir}" cannot be strongSwan's directory: use letters, digits, "/", ".", "_" and "-"`);
  }
  // Whoever is loaded first gets the packets.
  const kernel = backend === 'userspace' ? 'kernel-libipsec kernel-netlink' : 'kernel-netlink';
  return `${PROGRAM} {
  load_modular = no
  load = ${PLUGINS} ${kernel} socket-default vici
  port = 0
  port_nat_t = ${port}
  routing_table = ${ROUTING_TABLE}
  routing_table_prio = ${ROUTING_TABLE}
  install_virtual_ip = no
  make_before_break = yes
  retransmit_timeout = 1.0
  retransmit_base = 1.4
  retransmit_tries = 4
  filelog {
    log {
      path = ${join(dir, 'charon.log')}
      default = 1
      flush_line = yes
    }
  }
  plugins {
    vici {
      socket = unix://${join(dir, 'charon.vici')}
    }
    kernel-libipsec {
      allow_peer_ts = yes
    }
  }
}
`;
}

/** strongSwan's daemon, run for this gateway alone. */
export class Charon {
  readonly #options: CharonOptions;
  readonly #program: DetachedProgram;
  #client: ViciClient | undefined;

  constructor(options: CharonOptions) {
    const { dir, clock } = options;
    this.#options = options;
    this.#program = new DetachedProgram({
      name: 'charon',
      dir,
      file: PROGRAM,
      args: [],
      env: { STRONGSWAN_CONF: join(dir, 'strongswan.conf') },
      clock,
    });
  }

  /**
   * A connection to it; it is started where it does not run.
   * @returns whether it is the same connection as last time, so that it knows what it was told
   * @throws Error with charon's words
   */
  async connect(): Promise<{ readonly client: ViciClient; readonly isNew: boolean }> {
    if (this.#client?.isClosed === false) return { client: this.#client, isNew: false };
    const { dir, clock, log } = this.#options;
    if ((await this.#program.pid()) === undefined) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await rm(join(dir, 'charon.vici'), { force: true });
      await writeFile(join(dir, 'strongswan.conf'), strongswanConf(this.#options), { mode: 0o600 });
      try {
        await this.#program.start();
      } catch (cause) {
        throw new Error(
          `Cannot run ${PROGRAM}: ${(cause as Error).message}; install the packages charon-systemd, strongswan-swanctl and libcharon-extra-plugins`,
          { cause },
        );
      }
      log.info({ dir }, 'Started charon');
    }
    this.#client = await this.#reach(clock.monotonic() + START_MS);
    return { client: this.#client, isNew: true };
  }

  /** Leaves it running. */
  disconnect(): void {
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
  }

  /** Ends it, and with it all that it carries. */
  async stop(): Promise<void> {
    this.disconnect();
    await this.#program.stop();
    await rm(this.#options.dir, { recursive: true, force: true });
  }

  async #reach(end: number): Promise<ViciClient> {
    const { dir, clock } = this.#options;
    for (;;) {
      try {
        return await ViciClient.connect(join(dir, 'charon.vici'), clock);
      } catch (cause) {
        if (!(cause instanceof ViciError)) throw cause;
        const isGone = (await this.#program.pid()) === undefined;
        if (isGone || clock.monotonic() >= end) {
          throw new Error(`charon ${isGone ? 'ended' : 'does not answer'}: ${await this.#program.said()}`, {
            cause,
          });
        }
      }
      await clock.sleep(LOOK_EVERY_MS);
    }
  }
}
