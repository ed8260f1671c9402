import { Agent, request } from 'node:https';
import type { Identity } from './x509.ts';

export interface RestAnswer {
  /** HTTP status. */
  readonly status: number;
  readonly body: string;
}

/**
 * Bare requests to a Kubernetes API server: what the lab itself needs while it sets one up, where
 * kubectl would cost a process and a discovery each time.
 */
export class Rest implements Disposable {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, authority: string, identity: Identity) {
    this.#url = url;
    this.#agent = new Agent({
      keepAlive: true,
      ca: authority,
      cert: identity.certificate,
      key: identity.key,
    });
  }

  send(
    method: string,
    path: string,
    body?: { readonly type: string; readonly text: string },
  ): Promise<RestAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<RestAnswer>();
    const outgoing = request(
      new URL(path, this.#url),
      {
        method,
        agent: this.#agent,
        timeout: 20_000,
        headers: body
          ? { 'content-type': body.type, 'content-length': String(Buffer.byteLength(body.text)) }
          : {},
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer in 20 s`)));
    outgoing.on('error', reject);
    outgoing.end(body?.text);
    return promise;
  }

  async get(path: string): Promise<unknown> {
    const answer = await this.send('GET', path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status}: ${answer.body.slice(0, 500)}`);
    return JSON.parse(answer.body);
  }

  /** Server-side apply of one object (JSON or YAML text) at its own path. */
  async apply(path: string, text: string): Promise<void> {
    const answer = await this.send('PATCH', `${path}?fieldManager=lab&force=true`, {
      type: 'application/apply-patch+yaml',
      text,
    });
    if (answer.status >= 300)
      throw new Error(`apply ${path}: ${answer.status}: ${answer.body.slice(0, 500)}`);
  }

  /** Closes idle connections; requests may be sent afterwards all the same. */
  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
