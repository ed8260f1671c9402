import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers one request; what it does with the response is its own affair. */
export type Answer = (response: ServerResponse, request: StubRequest) => void;

/** An HTTP server on loopback that answers as scripted, for faults that no real API server shows on demand. */
export interface StubApiServer extends AsyncDisposable {
  /** A kubeconfig for it; its user has the token "first". */
  readonly kubeconfig: string;
  /** All that came, in order. */
  readonly requests: readonly StubRequest[];
  /** The sockets that are open. */
  readonly sockets: ReadonlySet<Socket>;
  /** The next requests are answered by these in turn; further ones by the last of them. */
  script(...answers: Answer[]): void;
  /** Stops listening and cuts all connections. */
  goAway(): Promise<void>;
  /** Listens again where it did before. */
  comeBack(): Promise<void>;
}

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };

/** metav1.Status as an answer. */
export const refusal = (
  code: number,
  reason: string,
  message: string,
  headers?: Record<string, string>,
): Answer =>
  json({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code }, code, headers);

/** The head of a watch and these events in one packet; `rest` goes on from there. */
export const stream =
  (events: readonly object[], rest: (response: ServerResponse) => void = () => {}): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (events.length > 0) response.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    rest(response);
  };

export async function stubApiServer(): Promise<StubApiServer> {
  const requests: StubRequest[] = [];
  const sockets = new Set<Socket>();
  let answers: Answer[] = [];
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      const url = new URL(incoming.url ?? '', 'http://stub');
      const { method = '', headers } = incoming;
      const request = { method, path: url.pathname, query: url.searchParams, headers, body };
      requests.push(request);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === undefined) response.writeHead(500).end('nothing scripted');
      else answer(response, request);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const dir = await mkdtemp(join(tmpdir(), 'pharos-stub-'));
  const kubeconfig = join(dir, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(`http://127.0.0.1:${port}`, 'first'));
  const goAway = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    kubeconfig,
    requests,
    sockets,
    script: (...given) => {
      answers = given;
    },
    goAway,
    comeBack: () => listen(port),
    [Symbol.asyncDispose]: async () => {
      await goAway();
      await rm(dir, { recursive: true });
    },
  };
}

export function kubeconfigFor(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'stub',
    contexts: [{ name: 'stub', context: { cluster: 'stub', user: 'tester' } }],
    clusters: [{ name: 'stub', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'tester', user: { token } }],
  });
}
