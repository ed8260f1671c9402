/**
 * `echo.ts serve ADDRESS…`: gives back what comes there by TCP and UDP, until it is ended.
 * `echo.ts tcp|udp LOCAL REMOTE BYTES`: sends so many bytes there and ends with 0 when they have come back the same.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const PORT = 7777;
const DEADLINE_MS = 10_000;
const [verb = '', ...args] = process.argv.slice(2);

const payload = (size: number): Buffer => randomBytes(size);
const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const kind = (address: string): 'udp4' | 'udp6' => (address.includes(':') ? 'udp6' : 'udp4');

async function serve(addresses: readonly string[]): Promise<void> {
  for (const host of addresses) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    server.listen({ host, port: PORT });
    await once(server, 'listening');
    const udp = createSocket(kind(host));
    udp.on('message', (data, from) => udp.send(data, from.port, from.address));
    udp.bind({ address: host, port: PORT });
    await once(udp, 'listening');
  }
  process.stdout.write('serving\n');
}

async function askTcp(local: string, remote: string, data: Buffer): Promise<Buffer> {
  const socket = connect({ host: remote, port: PORT, localAddress: local });
  const parts: Buffer[] = [];
  socket.end(data);
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function askUdp(local: string, remote: string, data: Buffer): Promise<Buffer> {
  const socket = createSocket(kind(remote));
  socket.bind({ address: local });
  await once(socket, 'listening');
  socket.send(data, PORT, remote);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return answer;
}

if (verb === 'serve') await serve(args);
else {
  const [local = '', remote = '', bytes = '0'] = args;
  setTimeout(() => {
    process.stderr.write(`${verb} ${remote} ${bytes}: no answer within ${DEADLINE_MS / 1000} s\n`);
    process.exit(1);
  }, DEADLINE_MS);
  const data = payload(Number(bytes));
  const answer = await (verb === 'tcp' ? askTcp : askUdp)(local, remote, data);
  process.exit(digest(answer) === digest(data) ? 0 : 2);
}
