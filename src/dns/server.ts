/** The DNS server: answers what its source knows, on every address that it is told to listen on. */
import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Log } from '../observability/log.ts';
import type { AnswerSource } from '../zone/records.ts';
import type { TcpLimits } from './connections.ts';
import { Counters } from './counters.ts';
import { PacketTable } from './fast/packet-table.ts';
import { RateLimiter, sharedRateLimit } from './rate-limit.ts';
import { TableFeed } from './fast/table-feed.ts';
import { MAX_MESSAGE } from './header.ts';
import type { Interfaces } from './interfaces.ts';
import { explain, type ListenAddress, Listener } from './listener.ts';
import { defaultProtocol, type Protocol } from './protocol.ts';
import { createResponder } from './respond.ts';
import { type Certificate, listenTls, type TlsSocket } from './tls.ts';
import type { UdpBatchAddon } from './udp-batch.ts';
import type { UdpTransport } from './udp-transport.ts';
import { UdpWorkers } from './udp-workers.ts';
import { listenUdp, type UdpDeps } from './udp.ts';
import { ShimSessions } from './shim-sessions.ts';
import { type CacheBounds, WireCache } from './wire-cache.ts';
import { MessageWriter } from './writer.ts';

export interface DnsServerOptions {
  readonly source: AnswerSource;
  readonly listen: readonly ListenAddress[];
  readonly log: Log;
  readonly protocol?: Partial<Protocol>;
  /** The messages of a zone transfer, for clients that the protocol lets have it. */
  readonly transfer?: ((query: Buffer) => AsyncIterable<Buffer>) | undefined;
  /** Where to answer over TLS as well, with which certificate. */
  readonly tls?: { readonly listen: readonly ListenAddress[]; readonly certificate: Certificate } | undefined;
  readonly limits?: Partial<TcpLimits>;
  readonly cache?: Partial<CacheBounds>;
  /** Whether another process may listen where this one does, and take over from it; off unless told. */
  readonly reusePort?: boolean;
  /** What each table of finished answers may take, in bytes. */
  readonly tableBytes?: number;
  /** With it UDP is answered in batches, by threads; else by Node's own sockets in this one. */
  readonly batched?: { readonly addon: UdpBatchAddon; readonly workers: number };
  /** The host's addresses, for wildcards; the system's unless a test says otherwise. */
  readonly interfaces?: Interfaces;
}

export interface DnsServer extends AsyncDisposable {
  /** Where it listens, in the order of the options, with the ports that were found for 0. */
  readonly addresses: readonly ListenAddress[];
  /** The same for TLS. */
  readonly tlsAddresses: readonly ListenAddress[];
  /** For TLS connections from now on; those that are open go on with the old one. */
  setCertificate(certificate: Certificate): void;
  readonly counters: Counters;
  readonly cache: WireCache;
  /** Threads that answer UDP in batches; 0 = Node's own sockets do, packet by packet. */
  readonly udpWorkers: number;
  /** Looks for addresses that came or went, for wildcards; it does so by itself every few seconds. */
  refresh(): Promise<void>;
  /** Stops accepting, answers what is on its way, and closes all sockets. May be called again. */
  close(): Promise<void>;
}

const DEFAULT_LIMITS: TcpLimits = {
  connections: 1024,
  connectionsPerClient: 128,
  idleMs: 10_000,
  yieldMs: 1000,
};
const DEFAULT_CACHE: CacheBounds = { entries: 65_536, bytes: 32 * 1024 * 1024 };
const DEFAULT_TABLE_BYTES = 32 * 1024 * 1024;
const REFRESH_MS = 5000;
/** A bug that every query meets must not fill the disk. */
const FAILURE_LOG_MS = 10_000;

/** @throws {ListenError} where an address cannot be had; nothing is left open then */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { source, log } = options;
  const counters = new Counters();
  const cache = new WireCache(source, { ...DEFAULT_CACHE, ...options.cache });
  let quietUntil = 0;
  const onFailure = (err: unknown): void => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + FAILURE_LOG_MS;
    log.error({ err }, 'Cannot answer a query; the client was told SERVFAIL');
  };
  const protocol = { ...defaultProtocol(), ...options.protocol };
  const feed = new TableFeed(source, randomInt(2 ** 32), new MessageWriter(Buffer.alloc(MAX_MESSAGE)));
  const rateLimit = protocol.rateLimit && sharedRateLimit(protocol.rateLimit);
  const limiter = rateLimit && new RateLimiter(rateLimit);
  const respond = createResponder({ source, cache, counters, feed, protocol, limiter, onFailure });
  const sessions = new ShimSessions({ source, counters, trusts: protocol.trusts });
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const interfaces = options.interfaces ?? networkInterfaces;
  const reusePort = options.reusePort ?? false;
  const tableBytes = options.tableBytes ?? DEFAULT_TABLE_BYTES;
  const deps = { respond, counters, feed, reusePort, tableBytes, rateLimit, log };
  const { batched } = options;
  const workers = batched && new UdpWorkers({ ...deps, ...batched });
  const udp = workers ?? socketsOf(deps, limiter);

  const listeners: Listener[] = [];
  const secure: (TlsSocket & ListenAddress)[] = [];
  const closeListeners = async (): Promise<void> => {
    await Promise.all([...listeners, ...secure].map((listener) => listener.close()));
    cache.close();
    feed.close();
    sessions.close();
  };
  try {
    for (const at of options.listen) {
      const { trusts } = protocol;
      const { transfer } = options;
      listeners.push(
        await Listener.open(at, {
          respond,
          counters,
          udp,
          limits,
          sessions,
          trusts,
          transfer,
          interfaces,
          reusePort,
          log,
        }),
      );
    }
    for (const { address, port } of options.tls?.listen ?? []) {
      const { trusts } = protocol;
      const { transfer } = options;
      const tcp = { respond, counters, limits, sessions, trusts, transfer, reusePort };
      const socket = await listenTls(address, port, options.tls!.certificate, tcp).catch((error: unknown) => {
        throw explain(error, 'TLS', address, port);
      });
      secure.push({ ...socket, address });
    }
    workers?.start();
  } catch (error) {
    await closeListeners();
    throw error;
  }

  let closing: Promise<void> | undefined;
  // One after the other: a refresh must not overtake another, nor the closing.
  let refreshed = Promise.resolve();
  const refresh = (): Promise<void> => {
    refreshed = refreshed.then(async () => {
      if (closing !== undefined) return;
      for (const listener of listeners) await listener.refresh();
    });
    return refreshed;
  };
  const timer = setInterval(() => void refresh(), REFRESH_MS);
  timer.unref();

  const close = (): Promise<void> => {
    clearInterval(timer);
    closing ??= refreshed.then(closeListeners);
    return closing;
  };
  return {
    addresses: listeners.map(({ address, port }) => ({ address, port })),
    tlsAddresses: secure.map(({ address, port }) => ({ address, port })),
    setCertificate: (certificate) => secure.forEach((socket) => socket.setCertificate(certificate)),
    counters,
    cache,
    udpWorkers: batched?.workers ?? 0,
    refresh,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Node's own sockets, all with one table. */
function socketsOf(
  deps: Omit<UdpDeps, 'table'> & { readonly feed: TableFeed; readonly tableBytes: number },
  limiter: RateLimiter | undefined,
): UdpTransport {
  const table = new PacketTable(deps.tableBytes, limiter);
  deps.feed.attach(table.table);
  deps.counters.fast.push(table.counts);
  return {
    knowsAddressAsked: false,
    listen: (address, port) => listenUdp(address, port, { ...deps, table }),
  };
}
