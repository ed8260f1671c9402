import { createSocket } from 'node:dgram';
import { decode, encode, type Packet, type RecordType } from 'dns-packet';

export interface Server {
  readonly address: string;
  readonly port: number;
}

export interface Asked {
  readonly rcode: string;
  /** `TYPE DATA` of each record of the answer section, sorted, e.g. `A 10.1.2.3`. */
  readonly answers: readonly string[];
}

/** A resolver of the tests' own: one question over UDP, decoded by a library that is not the server's. */
export async function ask(
  { address, port }: Server,
  name: string,
  type: RecordType = 'A',
  timeoutMs = 2000,
): Promise<Asked> {
  using socket = disposable(createSocket(address.includes(':') ? 'udp6' : 'udp4'));
  const id = Math.floor(Math.random() * 65_536);
  const answer = Promise.withResolvers<Packet>();
  const timer = setTimeout(() => {
    answer.reject(new Error(`${type} ${name}: no answer from ${address}:${port} in ${timeoutMs} ms`));
  }, timeoutMs);
  socket.on('message', (bytes) => {
    const packet = decode(bytes);
    if (packet.id === id) answer.resolve(packet);
  });
  socket.on('error', answer.reject);
  socket.send(encode({ type: 'query', id, questions: [{ type, name }] }), port, address);
  try {
    const { answers = [], ...header } = await answer.promise;
    return {
      // The library has it, its types do not.
      rcode: (header as { rcode?: string }).rcode ?? '?',
      answers: answers
        .map((record) => `${record.type} ${'data' in record ? dataText(record.data) : ''}`)
        .sort(),
    };
  } finally {
    clearTimeout(timer);
  }
}

const dataText = (data: unknown): string => (typeof data === 'string' ? data : JSON.stringify(data));

const disposable = <T extends { close(): void }>(resource: T): T & Disposable =>
  Object.assign(resource, {
    [Symbol.dispose]: () => {
      resource.close();
    },
  });
