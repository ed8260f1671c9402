import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { KubeAddress } from '../../../src/store/kube-address.ts';
import { loadKubeAccess } from '../../../src/store/kube-access.ts';

export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** The parsed body; the text where it is not JSON. */
  readonly body: unknown;
}

/** What may be tried against an API server: any verb, any path, as whoever holds the credentials. */
export interface RestClient extends Disposable {
  send(
    method: string,
    path: string,
    body?: { readonly type: string; readonly content: object },
  ): Promise<Answer>;
}

type Headers = Readonly<Record<string, string>>;

function client(server: string, credentials: RequestOptions, headers: Headers = {}): RestClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return {
    send(method, path, body) {
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const outgoing = request(
        new URL(path, server),
        {
          ...credentials,
          agent,
          method,
          headers: { ...headers, ...(body && { 'content-type': body.type }) },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson = (incoming.headers['content-type'] ?? '').startsWith('application/json');
            const { statusCode: status = 0 } = incoming;
            // A watch that was granted answers one document a line.
            const whole = isJson && !(status === 200 && path.includes('watch='));
            resolve({ status, body: whole ? (JSON.parse(text) as unknown) : text });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body && JSON.stringify(body.content));
      return promise;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

export const withToken = (
  { server, certificateAuthority: ca }: KubeAddress,
  token: string,
  headers: Headers = {},
): RestClient => client(server, { ...(ca && { ca }) }, { ...headers, authorization: `Bearer ${token}` });

export async function withKubeconfig(path: string): Promise<RestClient> {
  const access = await loadKubeAccess(path);
  return client(access.server.href, await access.options());
}
