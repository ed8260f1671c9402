import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6, type Socket } from 'node:net';
import { FrameReader } from '../../../../src/dns/frames.ts';
import type { ListenAddress } from '../../../../src/dns/listener.ts';
import { type Reading, read, uint16s } from './messages.ts';

/** Asks over UDP and waits for one response. @param from the client's address, where it matters */
export async function askUdp(
  { address, port }: ListenAddress,
  message: Buffer,
  from?: string,
): Promise<{ response: Reading; from: RemoteInfo }> {
  const socket = createSocket(isIPv6(address.split('%')[0] ?? '') ? 'udp6' : 'udp4');
  try {
    if (from !== undefined) {
      const bound = once(socket, 'listening');
      socket.bind(0, from);
      await bound;
    }
    const answered = once(socket, 'message') as Promise<[Buffer, RemoteInfo]>;
    socket.send(message, port, address);
    const [bytes, answerer] = await answered;
    return { response: read(bytes), from: answerer };
  } finally {
    socket.close();
  }
}

export const framed = (message: Buffer): Buffer => Buffer.concat([uint16s(message.length), message]);

/** A connection to the server, with the responses on it in order. */
export class TcpClient implements AsyncDisposable {
  readonly socket: Socket;
  readonly #frames = new FrameReader();
  readonly #responses: Buffer[] = [];
  /** Fulfilled when the server has closed its side, for whatever reason. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#frames.push(chunk);
      for (let next = this.#frames.next(); next !== undefined; next = this.#frames.next()) {
        this.#responses.push(Buffer.from(next));
      }
      socket.emit('responses');
    });
  }

  static async open({ address, port }: ListenAddress, localAddress?: string): Promise<TcpClient> {
    const socket = connect({ host: address, port, ...(localAddress !== undefined && { localAddress }) });
    const client = new TcpClient(socket);
    // A server that refuses the connection may have closed it before the event is seen.
    await Promise.race([once(socket, 'connect'), client.closed]);
    return client;
  }

  write(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** The next response. */
  async next(): Promise<Reading> {
    for (;;) {
      const response = this.#responses.shift();
      if (response !== undefined) return read(response);
      const closed = this.closed.then(() => {
        if (this.#responses.length === 0) throw new Error('the connection closed before the response came');
      });
      await Promise.race([once(this.socket, 'responses'), closed]);
    }
  }

  async ask(message: Buffer): Promise<Reading> {
    this.write(framed(message));
    return this.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}
