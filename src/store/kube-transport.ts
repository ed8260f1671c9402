import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import type { KubeAccess } from './kube-access.ts';
import { failureOfError, failureOfResponse, KubeFailure } from './kube-failure.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the server's address, with a leading slash. */
  readonly path: string;
  /** Parameters whose value is undefined are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: { readonly type: string; readonly content: object };
  /** Asked at the last moment before it is sent, when a connection stands: what it throws is what becomes of it. */
  readonly beforeSending?: () => void;
}

/** Probes on a silent connection, so that a dead peer is noticed in some twenty seconds. */
const TCP_KEEP_ALIVE_MS = 10_000;
/** An API server closes connections that rest longer; we do it first. */
const REST_MS = 60_000;
/** Larger answers than this are not what was asked for. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * HTTP to one API server: kept connections, fresh credentials, a deadline for each request. Failures are
 * {@link KubeFailure}s.
 */
export class KubeTransport {
  readonly #access: KubeAccess;
  readonly #clock: Clock;
  readonly #agent: http.Agent;

  constructor(access: KubeAccess, clock: Clock) {
    this.#access = access;
    this.#clock = clock;
    const options = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, timeout: REST_MS, noDelay: true };
    this.#agent = access.server.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
  }

  /** The server's address without a slash at the end. */
  get location(): string {
    return this.#access.server.href.replace(/\/$/, '');
  }

  /** The parsed JSON body of a 2xx answer that came in full within `deadlineMs`. */
  async call(request: KubeRequest, deadlineMs: number): Promise<unknown> {
    const limit = new AbortController();
    const cancel = this.#clock.after(deadlineMs, () => {
      limit.abort(new KubeFailure(`no answer within ${deadlineMs / 1000} s`));
      this.#dropResting();
    });
    try {
      const response = await this.#open(request, limit.signal);
      return parse(await text(response, limit.signal));
    } finally {
      cancel();
    }
  }

  /**
   * A 2xx answer whose body is still to come. Its head must arrive within `deadlineMs`; afterwards the
   * connection belongs to the caller, who destroys the response when done. `signal` ends both.
   */
  async stream(request: KubeRequest, deadlineMs: number, signal: AbortSignal): Promise<http.IncomingMessage> {
    const limit = new AbortController();
    const cancel = this.#clock.after(deadlineMs, () => {
      limit.abort(new KubeFailure(`no answer within ${deadlineMs / 1000} s`));
      this.#dropResting();
    });
    try {
      return await this.#open(request, AbortSignal.any([limit.signal, signal]));
    } finally {
      cancel();
    }
  }

  /** Closes the connections. Requests under way fail. */
  close(): void {
    this.#agent.destroy();
  }

  /** Sends once, and once more where that helps: with credentials read anew, or on a fresh connection. */
  async #open(request: KubeRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    try {
      return await this.#send(request, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof KubeFailure && error.status === 401) await this.#reload(error);
      else if (!(error instanceof ConnectionWasClosed && request.method !== 'POST')) throw error;
      return await this.#send(request, signal);
    }
  }

  async #reload(refused: KubeFailure): Promise<void> {
    try {
      await this.#access.reload();
    } catch {
      throw refused;
    }
  }

  async #send(
    { method, path, query, body, beforeSending }: KubeRequest,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const access = await unlessAborted(this.#access.options(), signal);
    const url = new URL(this.location + path);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const content = body && JSON.stringify(body.content);
    const options: https.RequestOptions = {
      agent: this.#agent,
      ...access,
      method,
      headers: {
        ...(access.headers as http.OutgoingHttpHeaders | undefined),
        accept: 'application/json',
        'user-agent': 'pharos',
        ...(content !== undefined && {
          'content-type': body?.type,
          'content-length': Buffer.byteLength(content),
        }),
      },
    };
    const request = url.protocol === 'https:' ? https.request(url, options) : http.request(url, options);
    const response = await head(request, content, signal, beforeSending);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const explanation = await text(response, signal, MAX_ERROR_BYTES);
    throw failureOfResponse(status, explanation, response.headers['retry-after']);
  }

  /** After a deadline passed, what rests in the pool may lead nowhere either. */
  #dropResting(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}

/** A kept connection turned out to be closed by the server before it took the request. */
class ConnectionWasClosed extends KubeFailure {}

/** Sends `content` and waits for the head of the answer. */
function head(
  request: http.ClientRequest,
  content: string | undefined,
  signal: AbortSignal,
  beforeSending: () => void = () => {},
): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const abort = (): void => {
    reject(failureOfError(signal.reason));
    request.destroy();
  };
  request.on('response', (response) => {
    signal.removeEventListener('abort', abort);
    resolve(response);
  });
  request.on('error', (error: NodeJS.ErrnoException) => {
    signal.removeEventListener('abort', abort);
    const closed = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    reject(closed ? new ConnectionWasClosed(error.message, { cause: error }) : failureOfError(error));
  });
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  const send = (): void => {
    try {
      beforeSending();
      request.end(content);
    } catch (error) {
      signal.removeEventListener('abort', abort);
      reject(failureOfError(error));
      request.destroy();
    }
  };
  request.once('socket', (socket: Socket & { secureConnecting?: boolean }) => {
    if (socket.secureConnecting === true) socket.once('secureConnect', send);
    else if (socket.connecting) socket.once('connect', send);
    else send();
  });
  return promise;
}

/** The whole body, or its first `maxBytes`. */
function text(response: http.IncomingMessage, signal: AbortSignal, maxBytes = Infinity): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const end = (): void => {
    signal.removeEventListener('abort', abort);
    resolve(Buffer.concat(chunks).toString('utf8'));
  };
  const abort = (): void => {
    reject(failureOfError(signal.reason));
    response.destroy();
  };
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= maxBytes) return;
    end();
    response.destroy();
  });
  response.on('end', end);
  response.on('error', (error) => {
    signal.removeEventListener('abort', abort);
    reject(failureOfError(error));
  });
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return promise;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new KubeFailure(`the answer is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Fetching a token runs commands of others, which may hang. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(failureOfError(signal.reason));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } catch (error) {
    throw failureOfError(error);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
