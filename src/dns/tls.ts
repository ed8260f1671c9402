/** DNS over TLS (RFC 7858): the same connections as over TCP, for nobody else to read. dns2 has no transport for it. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { Connections } from './connections.ts';
import type { TcpDeps } from './tcp.ts';

/** A certificate, with what leads to its authority, and its key; both in PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Whose certificates clients must have, in PEM; absent where anybody may come. */
  readonly ca?: Buffer;
}

export interface TlsSocket {
  readonly port: number;
  /** For connections from now on; those that are open go on. */
  setCertificate(certificate: Certificate): void;
  close(): Promise<void>;
}

/**
 * Accepts connections until it is closed. Errors after that are counted, and end nothing.
 * @throws the system's error where the address cannot be bound
 */
export async function listenTls(
  address: string,
  port: number,
  certificate: Certificate,
  deps: TcpDeps,
): Promise<TlsSocket> {
  const { counters, limits, reusePort } = deps;
  const connections = new Connections(deps);
  const server = createServer({
    ...certificate,
    requestCert: certificate.ca !== undefined,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['dot'],
    // Who does not finish the handshake is as silent as who asks nothing.
    handshakeTimeout: limits.idleMs,
    // Whoever ends its side still gets its answers.
    allowHalfOpen: true,
  });
  server.maxConnections = limits.connections;
  // Connections whose handshake is not done.
  const beginning = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    beginning.add(socket);
    socket.once('close', () => beginning.delete(socket));
  });
  server.on('secureConnection', (socket: TLSSocket) => connections.accept(socket, true));
  server.on('tlsClientError', (_error, socket) => {
    counters.socketErrors++;
    socket.destroy();
  });
  const listening = once(server, 'listening');
  server.listen({ host: address, port, exclusive: true, reusePort });
  await listening;
  server.on('error', () => counters.socketErrors++);
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (next) => server.setSecureContext({ ...next, minVersion: 'TLSv1.2' }),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      const quiet = connections.shutDown(closed, () => {
        for (const socket of beginning) socket.destroy();
      });
      await quiet;
    },
  };
}
