import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { canonicalIp } from '../../api/ip.ts';

export interface ProbeServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * What test pods reach: over TCP it says first who it is and from which address it was called, `west 10.1.2.3`
 * and a line break, and then sends back all that comes; over UDP it sends back each datagram.
 *
 * @param address `::` for both families
 */
export async function startProbeServer(
  cluster: string,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<ProbeServer> {
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Whoever calls may go at any time.
    socket.on('error', () => socket.destroy());
    socket.write(`${cluster} ${plain(socket.remoteAddress ?? '?')}\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject);
    tcp.listen({ host: address, port }, resolve);
  });
  const bound = tcp.address();
  const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (message, from) => udp.send(message, from.port, from.address));
  udp.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.bind(actual, address, resolve);
  });
  return {
    port: actual,
    async [Symbol.asyncDispose]() {
      udp.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

/** `10.0.0.1` of `::ffff:10.0.0.1`. */
const plain = (address: string): string => canonicalIp(address.replace(/^::ffff:(?=\d+\.)/, ''));
