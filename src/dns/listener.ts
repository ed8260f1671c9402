/** One entry of `--listen`: TCP and UDP on the same port, and on every address that the entry stands for. */
import type { Log } from '../observability/log.ts';
import { type Interfaces, isWildcard, localAddresses } from './interfaces.ts';
import { listenTcp, type TcpDeps, type TcpSocket } from './tcp.ts';
import type { UdpSocket, UdpTransport } from './udp-transport.ts';

export interface ListenAddress {
  /** IPv4 or IPv6 address; `0.0.0.0` stands for all IPv4 addresses, `::` for all of both families. */
  readonly address: string;
  /** 0 = a free one. */
  readonly port: number;
}

export interface ListenerDeps extends TcpDeps {
  readonly udp: UdpTransport;
  readonly interfaces: Interfaces;
  readonly log: Log;
}

/** An address that cannot be listened on: an error of whoever chose it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'listen-failed';
}

/** How many free ports of TCP are tried until one is free for UDP too. */
const PORT_ATTEMPTS = 20;

export class Listener {
  readonly address: string;
  readonly port: number;
  readonly #deps: ListenerDeps;
  readonly #tcp: TcpSocket;
  // Local address → its socket.
  readonly #udp: Map<string, UdpSocket>;

  private constructor(at: ListenAddress, tcp: TcpSocket, udp: Map<string, UdpSocket>, deps: ListenerDeps) {
    this.address = at.address;
    this.port = at.port;
    this.#tcp = tcp;
    this.#udp = udp;
    this.#deps = deps;
  }

  /** @throws {ListenError} where an address or its port cannot be had; nothing is left open then */
  static async open(at: ListenAddress, deps: ListenerDeps): Promise<Listener> {
    for (let attempt = 1; ; attempt++) {
      const tcp = await listenTcp(at.address, at.port, deps).catch((error: unknown) => {
        throw explain(error, 'TCP', at.address, at.port);
      });
      const udp = new Map<string, UdpSocket>();
      try {
        for (const address of addressesFor(at.address, deps)) {
          udp.set(
            address,
            await deps.udp.listen(address, tcp.port).catch((error: unknown) => {
              throw explain(error, 'UDP', address, tcp.port);
            }),
          );
        }
        return new Listener({ address: at.address, port: tcp.port }, tcp, udp, deps);
      } catch (error) {
        await closeAll([tcp, ...udp.values()]);
        if (at.port !== 0 || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Opens and closes sockets of a wildcard until they fit the addresses that the host has now. May be called again at
   * any time; an address that cannot be had is tried again next time.
   */
  async refresh(): Promise<void> {
    if (!isWildcard(this.address) || this.#deps.udp.knowsAddressAsked) return;
    const { log } = this.#deps;
    let wanted: ReadonlySet<string>;
    try {
      wanted = localAddresses(this.address, this.#deps.interfaces());
    } catch (err) {
      log.warn({ err }, 'Cannot read the addresses of this host; listening where it did');
      return;
    }
    for (const [address, socket] of this.#udp) {
      if (wanted.has(address)) continue;
      this.#udp.delete(address);
      await socket.close();
      log.info({ address, port: this.port }, 'Stopped listening: the address is gone');
    }
    for (const address of wanted) {
      if (this.#udp.has(address)) continue;
      try {
        this.#udp.set(address, await this.#deps.udp.listen(address, this.port));
        log.info({ address, port: this.port }, 'Listening on a new address');
      } catch (err) {
        log.warn({ address, port: this.port, err }, 'Cannot listen on a new address');
      }
    }
  }

  async close(): Promise<void> {
    await closeAll([this.#tcp, ...this.#udp.values()]);
  }
}

/** The addresses to open UDP sockets on. */
const addressesFor = (address: string, { udp, interfaces }: ListenerDeps): Iterable<string> =>
  udp.knowsAddressAsked ? [address] : localAddresses(address, interfaces());

async function closeAll(sockets: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()));
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another process, or another address to listen on, has it: stop that one, or choose another address or port',
  EACCES: 'ports below 1024 need the capability NET_BIND_SERVICE: grant it, or choose a higher port',
  EPERM: 'ports below 1024 need the capability NET_BIND_SERVICE: grant it, or choose a higher port',
  EADDRNOTAVAIL: 'no interface of this host has the address: choose one that `ip address` shows',
  EAFNOSUPPORT: 'this host has the address family switched off: leave the address out',
  EINVAL:
    'this is not an address that can be listened on; a link-local one needs its interface ("fe80::1%eth0")',
};

/** The system's error as one that says what to do. */
export function explain(
  cause: unknown,
  protocol: 'TCP' | 'UDP' | 'TLS',
  address: string,
  port: number,
): ListenError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const remedy = REMEDIES[code] ?? String(cause);
  return new ListenError(`Cannot listen on ${address} port ${port} (${protocol}): ${code}: ${remedy}`, {
    cause,
  });
}
