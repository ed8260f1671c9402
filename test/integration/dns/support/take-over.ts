/**
 * Asks without pause, over UDP, over a new TCP connection per query and over lasting ones, while one `pharos dns`
 * takes over from another again and again. Prints what became of the queries as JSON. To be run in a network
 * namespace of its own.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FrameReader } from '../../../../src/dns/frames.ts';
import { startPharos, type PharosProcess } from '../../../support/pharos.ts';
import { framed } from '../../../unit/dns/support/clients.ts';
import { query } from '../../../unit/dns/support/messages.ts';

const PORT = 5300;
/** One query may take this long on a machine that starts processes meanwhile; then it counts as lost. */
const PATIENCE_MS = 30_000;
const [directory = '', takeOvers = '4'] = process.argv.slice(2);

const asked = { udp: 0, tcp: 0, lasting: 0 };
const lost = { udp: 0, tcp: 0, lasting: 0 };
const over = new AbortController();

const message = query({ name: 'web.shop.svc.clusterset.local' });

/** What resolves when the answer comes, or tells that it did not. */
async function within(answer: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), PATIENCE_MS);
  answer.then(
    () => resolve(true),
    () => resolve(false),
  );
  return promise.finally(() => clearTimeout(timer));
}

/** Each query from a port of its own, as resolvers do, so that the kernel spreads them. Never asked again. */
async function overUdp(): Promise<void> {
  while (!over.signal.aborted) {
    const socket = createSocket('udp4');
    socket.send(message, PORT, '127.0.0.1');
    asked.udp++;
    if (!(await within(once(socket, 'message')))) lost.udp++;
    socket.close();
  }
}

/** Rejects where the connection ends without the answer. */
function answerOn(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const frames = new FrameReader();
  socket.on('data', (chunk: Buffer) => {
    frames.push(chunk);
    if (frames.next() !== undefined) resolve();
  });
  socket.on('close', () => reject(new Error('closed')));
  return promise.finally(() => socket.removeAllListeners('data').removeAllListeners('close'));
}

async function overTcp(): Promise<void> {
  while (!over.signal.aborted) {
    const socket = connect(PORT, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(framed(message));
    asked.tcp++;
    if (!(await within(answerOn(socket)))) lost.tcp++;
    socket.destroy();
  }
}

/** RFC 7766, 6.2.4: when the server ends a connection, what has no answer is asked again on a new one. */
async function overLastingTcp(): Promise<void> {
  let socket: Socket | undefined;
  while (!over.signal.aborted) {
    asked.lasting++;
    let answered = false;
    for (let attempt = 0; attempt < 2 && !answered; attempt++) {
      if (socket === undefined || socket.destroyed || !socket.writable || socket.readableEnded) {
        socket = connect(PORT, '127.0.0.1');
        socket.on('error', () => {});
      }
      socket.write(framed(message));
      answered = await within(answerOn(socket));
      if (!answered) {
        socket.destroy();
        socket = undefined;
      }
    }
    if (!answered) lost.lasting++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket?.destroy();
}

/** How the servers read and write UDP, one after the other: each way takes over from each. */
const WAYS = ['auto', 'dgram', 'dgram', 'auto'] as const;

const start = async (round: number): Promise<PharosProcess> => {
  const server = await startPharos(
    'dns',
    ...['--store', `directory:${directory}`, '--cluster-id', 'east'],
    ...['--listen', `127.0.0.1:${PORT}`, '--reuse-port', `--udp=${WAYS[round % WAYS.length]}`],
  );
  await server.ready(120_000);
  return server;
};

let server = await start(0);
const load = [
  ...Array.from({ length: 8 }, overUdp),
  ...Array.from({ length: 4 }, overTcp),
  ...Array.from({ length: 4 }, overLastingTcp),
];
for (let round = 0; round < Number(takeOvers); round++) {
  const next = await start(round + 1);
  await server[Symbol.asyncDispose]();
  server = next;
}
over.abort();
await Promise.all(load);
await server[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ asked, lost }));
