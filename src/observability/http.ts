import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

export interface Reply {
  readonly status: number;
  readonly body: string;
  /** `text/plain` unless it says otherwise. */
  readonly contentType?: string;
  /** Beside those that every reply has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A reply that goes on: server-sent events (HTML Living Standard, 9.2). */
export interface EventReply {
  /** Called once; from then on `send` may be called, until `signal` aborts because the other side has gone. */
  readonly events: (send: SendEvent, signal: AbortSignal) => void;
}

/** @param data goes as JSON, so that no text can end an event or begin another */
export type SendEvent = (event: string, data: unknown) => void;

/** What a route may ask of who asks. */
export interface Asked {
  readonly query: URLSearchParams;
  /** The header of this name, in lower case; empty where there is none. */
  readonly header: (name: string) => string;
  /** Whether it came to an address that only this machine can reach. */
  readonly toLoopback: boolean;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Segments that start with a colon stand for any text and are handed to `reply` by that name. */
  readonly path: `/${string}`;
  reply(
    parameters: Readonly<Record<string, string>>,
    asked: Asked,
  ): Reply | EventReply | Promise<Reply | EventReply>;
}

export interface HttpServer {
  /** Where it listens, with the port that the system gave where 0 was asked for. */
  readonly address: string;
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** A header of this many bytes is no browser's or scraper's. */
const MAX_HEADER_BYTES = 8192;
/** How long one exchange may take, in ms. */
const REQUEST_TIMEOUT = 10_000;

/**
 * Serves a handful of routes.
 * @throws Error with Node's code (`EADDRINUSE`, `EACCES`, …) where it cannot listen
 */
export async function serveHttp(
  listen: { readonly address: string; readonly port: number },
  routes: readonly Route[],
): Promise<HttpServer> {
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: REQUEST_TIMEOUT, headersTimeout: REQUEST_TIMEOUT },
    (request, response) => void respond(request, response, routes),
  );
  await listening(server, listen);
  const { address, port } = server.address() as AddressInfo;
  return {
    address,
    port,
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

function listening(
  server: Server,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: address, port, exclusive: true }, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly Route[],
): Promise<void> {
  request.resume();
  const answer = await reply(request, routes);
  if ('events' in answer) return sendEvents(answer, request, response);
  const { status, body, contentType = 'text/plain; charset=utf-8', headers } = answer;
  response.writeHead(status, {
    ...COMMON_HEADERS,
    ...headers,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

const COMMON_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** Who reads so slowly that this much waits for him is let go: he comes back and begins with what is then. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** A line that means nothing, so that whoever is between does not take silence for an end. */
const SIGN_OF_LIFE_MS = 15_000;
/** How soon a browser comes back that has lost the connection. */
const COME_BACK_MS = 1000;

function sendEvents(answer: EventReply, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { ...COMMON_HEADERS, 'content-type': 'text/event-stream' });
  if (request.method === 'HEAD') return void response.end();
  const gone = new AbortController();
  const write = (text: string): void => {
    if (gone.signal.aborted) return;
    response.write(text);
    if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
  };
  write(`retry: ${COME_BACK_MS}\n\n`);
  const beat = setInterval(write, SIGN_OF_LIFE_MS, ':\n\n');
  response.once('close', () => {
    clearInterval(beat);
    gone.abort();
  });
  answer.events((event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`), gone.signal);
}

async function reply(request: IncomingMessage, routes: readonly Route[]): Promise<Reply | EventReply> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const [path = '/', query] = (request.url ?? '/').split('?', 2);
  const asked: Asked = {
    query: new URLSearchParams(query),
    header: (name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? value : (value?.join(', ') ?? '');
    },
    toLoopback: isLoopback(request.socket.localAddress ?? ''),
  };
  if (method !== 'GET' && isForeign(request)) {
    return { status: 403, body: 'Only pages of this server may ask for changes.\n' };
  }
  let allowed: string | undefined;
  for (const route of routes) {
    const parameters = match(route.path, path);
    if (parameters === undefined) continue;
    if (route.method !== method) {
      allowed = route.method;
      continue;
    }
    try {
      return await route.reply(parameters, asked);
    } catch (error) {
      return { status: 500, body: `${(error as Error).message}\n` };
    }
  }
  if (allowed !== undefined) return { status: 405, body: `Use ${allowed} here.\n` };
  const known = routes.map((route) => `${route.method} ${route.path}\n`).join('');
  return { status: 404, body: `There is nothing at ${encodeURI(path)}. There are:\n${known}` };
}

/** Whether another site's page sent this from its visitor's browser. */
function isForeign({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  if (headers.origin === undefined) return false;
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== headers.host;
}

const isLoopback = (address: string): boolean => /^(::1$|(::ffff:)?127\.)/.test(address);

function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const text = given[index] ?? '';
    if (segment.startsWith(':')) parameters[segment.slice(1)] = text;
    else if (segment !== text) return undefined;
  }
  return parameters;
}

/**
 * What every long-running process answers: `/healthz` while it lives, `/readyz` while it is ready, and
 * `/metrics`.
 *
 * @param notReady why not, or undefined when ready
 * @param impaired what is wrong though it is ready, for whoever looks
 */
export function healthRoutes(
  metrics: Metrics,
  notReady: () => string | undefined,
  impaired: () => string | undefined = () => undefined,
): Route[] {
  return [
    { method: 'GET', path: '/healthz', reply: () => ({ status: 200, body: 'ok\n' }) },
    {
      method: 'GET',
      path: '/readyz',
      reply() {
        const reason = notReady();
        if (reason !== undefined) return { status: 503, body: `not ready: ${reason}\n` };
        const problem = impaired();
        return { status: 200, body: problem === undefined ? 'ok\n' : `ok, but ${problem}\n` };
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      reply: async () => ({ status: 200, body: await metrics.render(), contentType: metrics.contentType }),
    },
  ];
}
