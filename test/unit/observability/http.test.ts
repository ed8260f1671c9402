import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { healthRoutes, type HttpServer, type SendEvent, serveHttp } from '../../../src/observability/http.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';

const anyPort = { address: '127.0.0.1', port: 0 };

describe('the HTTP server', () => {
  let server: HttpServer;
  let notReady: string | undefined = 'no list yet';
  const changed: string[] = [];
  let sendEvent: SendEvent | undefined;
  const left = Promise.withResolvers<void>();
  before(async () => {
    server = await serveHttp(anyPort, [
      ...healthRoutes(
        createMetrics(() => []),
        () => notReady,
      ),
      {
        method: 'POST',
        path: '/clusters/:id/disconnect',
        reply: ({ id = '' }) => {
          changed.push(id);
          return { status: 200, body: `${id} is cut off\n` };
        },
      },
      {
        method: 'GET',
        path: '/question',
        reply: (_, { query, header, toLoopback }) => ({
          status: 200,
          body: `${query.get('name')} ${header('accept')} ${toLoopback}`,
          headers: { 'x-own': 'yes' },
        }),
      },
      {
        method: 'GET',
        path: '/events',
        reply: () => ({
          events(send, signal) {
            sendEvent = send;
            signal.addEventListener('abort', () => left.resolve());
          },
        }),
      },
      {
        method: 'GET',
        path: '/broken',
        reply() {
          throw new Error('no luck');
        },
      },
    ]);
  });
  after(() => server.close());
  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, init);

  it('is alive before it is ready, and says why it is not', async () => {
    assert.equal((await ask('/healthz')).status, 200);
    const early = await ask('/readyz');
    assert.equal(early.status, 503);
    assert.equal(await early.text(), 'not ready: no list yet\n');
    notReady = undefined;
    assert.equal((await ask('/readyz')).status, 200);
  });

  it('serves metrics in the format that Prometheus names', async () => {
    const reply = await ask('/metrics?x=1');
    assert.match(reply.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(await reply.text(), /^nodejs_/m);
  });

  it('hands named segments to the route', async () => {
    assert.equal(
      await (await ask('/clusters/west/disconnect', { method: 'POST' })).text(),
      'west is cut off\n',
    );
    assert.deepEqual(changed, ['west']);
  });

  it("refuses what another site's page sends", async () => {
    const headers = { origin: 'http://evil.example' };
    assert.equal((await ask('/clusters/west/disconnect', { method: 'POST', headers })).status, 403);
    const cross = { 'sec-fetch-site': 'cross-site' };
    assert.equal((await ask('/clusters/west/disconnect', { method: 'POST', headers: cross })).status, 403);
    const own = { origin: `http://127.0.0.1:${server.port}` };
    assert.equal((await ask('/clusters/west/disconnect', { method: 'POST', headers: own })).status, 200);
  });

  it('lets a route look at what is asked and add headers', async () => {
    const reply = await ask('/question?name=a%26b', { headers: { accept: 'text/html' } });
    assert.equal(await reply.text(), 'a&b text/html true');
    assert.equal(reply.headers.get('x-own'), 'yes');
  });

  it('sends events that no text in them can forge, until the other side goes', async () => {
    const gone = new AbortController();
    const reply = await ask('/events', { signal: gone.signal });
    assert.equal(reply.headers.get('content-type'), 'text/event-stream');
    const body = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await body?.read())?.value, 'retry: 1000\n\n');
    sendEvent?.('told', { text: 'a\n\nevent: forged' });
    assert.equal((await body?.read())?.value, 'event: told\ndata: {"text":"a\\n\\nevent: forged"}\n\n');
    gone.abort();
    await left.promise;
    sendEvent?.('told', 'to nobody');
  });

  it('says what there is instead of what there is not', async () => {
    const missing = await ask('/nothing');
    assert.equal(missing.status, 404);
    assert.match(await missing.text(), /GET \/healthz\n/);
    assert.equal((await ask('/clusters/west/disconnect')).status, 405);
  });

  it('survives a route that throws', async () => {
    assert.equal((await ask('/broken')).status, 500);
    assert.equal((await ask('/healthz')).status, 200);
  });

  it('tells that its port is taken with the code of the system', async () => {
    await assert.rejects(serveHttp({ address: '127.0.0.1', port: server.port }, []), { code: 'EADDRINUSE' });
  });
});
