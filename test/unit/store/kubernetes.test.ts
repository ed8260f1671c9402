import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { ServiceExport } from '../../../src/api/objects.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { type KubernetesOptions, openKubernetesStore } from '../../../src/store/kubernetes.ts';
import { StoreError, type StoreErrorCode } from '../../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Recording, record } from '../support/recording.ts';
import {
  type Answer,
  json,
  kubeconfigFor,
  refusal,
  stream,
  stubApiServer,
} from '../support/stub-api-server.ts';

const exported = (name: string, resourceVersion: string) => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: { name, namespace: 'shop', uid: name, resourceVersion },
});
const added = (name: string, version: string) => ({ type: 'ADDED', object: exported(name, version) });
const modified = (name: string, version: string) => ({ type: 'MODIFIED', object: exported(name, version) });
const bookmark = (resourceVersion: string, annotations?: Record<string, string>) => ({
  type: 'BOOKMARK',
  object: { kind: 'ServiceExport', metadata: { resourceVersion, annotations } },
});
const listEnd = (version: string) => bookmark(version, { 'k8s.io/initial-events-end': 'true' });
const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
/** As lists of built-in kinds are: their items do not say what they are. */
const page = (names: string[], resourceVersion: string, next?: string): Answer =>
  json({
    metadata: { resourceVersion, continue: next },
    items: names.map((name) => ({ metadata: exported(name, '1').metadata })),
  });
/** As API servers answer that have streaming lists switched off. */
const noStreaming = refusal(422, 'Invalid', 'sendInitialEvents is forbidden unless WatchList is enabled');

async function setUp(options: Partial<KubernetesOptions> = {}) {
  const server = await stubApiServer();
  const { times, ...rest } = options;
  const store = await openKubernetesStore({
    kubeconfig: server.kubeconfig,
    log: silentLog,
    random: () => 0.5,
    times: { backoff: { baseMs: 2, maxMs: 4 }, ...times },
    ...rest,
  });
  const stop = new AbortController();
  const follow = (): Recording<ServiceExport> => record(store, Kinds.ServiceExport, {}, stop.signal);
  return {
    server,
    store,
    stop,
    follow,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      store.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const versions = (requests: readonly { query: URLSearchParams }[]): (string | null)[] =>
  requests.map(({ query }) => (query.get('watch') === 'true' ? query.get('resourceVersion') : 'list'));

describe('a watch of a Kubernetes API server', () => {
  it('takes the list from the stream where the server offers that, and goes on in the same stream', async () => {
    await using t = await setUp();
    t.server.script(stream([added('a', '3'), added('b', '5'), listEnd('7'), modified('a', '8')]));
    const seen = t.follow();
    await seen.until('set a');
    assert.deepEqual(seen.lines, ['snapshot a b', 'set a']);
    assert.equal(t.server.requests.length, 1);
    const { query } = t.server.requests[0] ?? assert.fail();
    assert.deepEqual(
      ['sendInitialEvents', 'resourceVersionMatch', 'allowWatchBookmarks'].map((name) => query.get(name)),
      ['true', 'NotOlderThan', 'true'],
    );
    assert.equal(query.get('timeoutSeconds'), '450');
  });

  it('lists page by page where the server does not stream lists, and remembers that', async () => {
    await using t = await setUp();
    t.server.script(noStreaming, page(['a'], '7', 'next'), page(['b'], '7'), stream([modified('a', '8')]));
    const seen = t.follow();
    await seen.until('set a');
    assert.deepEqual(seen.lines, ['snapshot a b', 'set a']);
    assert.deepEqual(versions(t.server.requests), [null, 'list', 'list', '7']);
    t.server.script(page([], '9'), stream([]));
    const second = t.follow();
    await second.until('snapshot');
    assert.deepEqual(versions(t.server.requests).slice(4, 5), ['list']);
  });

  it('lists page by page where the server streams objects and never says that these were all', async () => {
    await using t = await setUp({ times: { deadlineMs: 50 } });
    t.server.script((response, request) => {
      const streamed = request.query.has('sendInitialEvents');
      const answer = streamed
        ? stream([added('a', '3')])
        : request.query.has('watch')
          ? stream([])
          : page(['a'], '7');
      answer(response, request);
    });
    const seen = t.follow();
    await seen.until('live');
    assert.deepEqual(seen.lines, ['interrupted', 'snapshot a', 'live']);
  });

  it('goes on quietly from the last version when the server ends the watch in order', async () => {
    await using t = await setUp();
    t.server.script(
      stream([added('a', '3'), listEnd('7'), modified('a', '8')], (response) => response.end()),
      stream([bookmark('12')], (response) => response.end()),
      stream([modified('a', '13')]),
    );
    const seen = t.follow();
    await seen.until('set a', 2);
    assert.deepEqual(seen.lines, ['snapshot a', 'set a', 'set a']);
    assert.deepEqual(versions(t.server.requests), [null, '8', '12']);
  });

  for (const [how, answer] of [
    ['by an HTTP answer', refusal(410, 'Expired', 'too old resource version')],
    ['by an event', stream([{ type: 'ERROR', object: gone }], (response) => response.end())],
  ] as const) {
    it(`lists again, with nothing said but a new snapshot, when history is gone (${how})`, async () => {
      await using t = await setUp();
      t.server.script(
        stream([added('a', '3'), added('b', '3'), listEnd('7')], (response) => response.end()),
        answer,
        stream([added('b', '3'), added('c', '90'), listEnd('95')]),
      );
      const seen = t.follow();
      await seen.until('snapshot b c');
      assert.deepEqual(seen.lines, ['snapshot a b', 'snapshot b c']);
      assert.deepEqual(versions(t.server.requests), [null, '7', null]);
    });
  }

  it('does not deliver half an event, and gets the whole one after the connection broke', async () => {
    await using t = await setUp();
    const whole = JSON.stringify(modified('a', '9'));
    t.server.script(
      stream([listEnd('7'), added('a', '8')], (response) => {
        response.write(whole.slice(0, whole.length / 2), () => response.destroy());
      }),
      stream([modified('a', '9')]),
    );
    const seen = t.follow();
    await seen.until('set a', 2);
    assert.deepEqual(seen.lines, ['snapshot', 'set a', 'interrupted', 'live', 'set a']);
    assert.deepEqual(versions(t.server.requests), [null, '8']);
  });

  it('drops half an event at the end of an orderly answer too', async () => {
    await using t = await setUp();
    t.server.script(
      stream([listEnd('7')], (response) => response.end(JSON.stringify(added('a', '8')).slice(0, -5))),
      stream([added('a', '8')]),
    );
    const seen = t.follow();
    await seen.until('set a');
    assert.deepEqual(seen.lines, ['snapshot', 'set a']);
  });

  for (const [name, line] of [
    ['that is not JSON', '{"type":"ADDED", oops'],
    ['that is no object', '17'],
    ['without an object', '{"type":"ADDED"}'],
    ['of an unknown type', JSON.stringify({ ...added('a', '8'), type: 'RENAMED' })],
  ] as const) {
    it(`resumes from the last good version after a line ${name}`, async () => {
      await using t = await setUp();
      t.server.script(
        stream([listEnd('7')], (response) => response.write(`${line}\n`)),
        stream([added('a', '8')]),
      );
      const seen = t.follow();
      await seen.until('set a');
      assert.deepEqual(seen.lines, ['snapshot', 'interrupted', 'live', 'set a']);
      assert.deepEqual(versions(t.server.requests), [null, '7']);
    });
  }

  it('lists again when a version leads to nonsense every time', async () => {
    await using t = await setUp();
    const nonsense = stream([], (response) => response.write('nonsense\n'));
    t.server.script(
      stream([listEnd('7')], (response) => response.end()),
      nonsense,
      nonsense,
      nonsense,
      stream([added('a', '8'), listEnd('9')]),
    );
    const seen = t.follow();
    await seen.until('snapshot a');
    assert.deepEqual(versions(t.server.requests), [null, '7', '7', '7', null]);
    assert.equal(seen.lines.at(-1), 'live');
  });

  it('cuts a connection on which nothing comes any more', async () => {
    const clock = new FakeClock();
    await using t = await setUp({ clock, times: { stallMs: 5000, deadlineMs: 5000 } });
    t.server.script(stream([listEnd('7')]), stream([added('a', '8')]));
    const seen = t.follow();
    await seen.until('snapshot');
    await clock.advance(5000);
    await seen.until('interrupted');
    await clock.advance(10);
    await seen.until('set a');
    assert.deepEqual(seen.lines, ['snapshot', 'interrupted', 'live', 'set a']);
    const [, event] = seen.events;
    assert.match(event?.type === 'interrupted' ? event.error.message : '', /not a byte for 5 s/);
  });

  it('keeps a connection on which only bookmarks come', async () => {
    const clock = new FakeClock();
    await using t = await setUp({ clock, times: { stallMs: 100 } });
    let write: (event: object) => void = () => {};
    t.server.script(
      stream([listEnd('7')], (response) => {
        write = (event) => response.write(`${JSON.stringify(event)}\n`);
      }),
    );
    const seen = t.follow();
    await seen.until('snapshot');
    for (let i = 1; i <= 4; i++) {
      await clock.advance(60);
      write(bookmark(`${10 + i}`));
      write(added(`a${i}`, `${20 + i}`));
      await seen.until(`set a${i}`);
    }
    assert.equal(t.server.requests.length, 1);
  });

  it('says once that the server is away, lists when it is back, and says that it is live', async () => {
    await using t = await setUp();
    t.server.script(stream([added('a', '3'), listEnd('7')]));
    const seen = t.follow();
    await seen.until('snapshot a');
    await t.server.goAway();
    await seen.until('interrupted');
    t.server.script(refusal(410, 'Expired', 'gone'), stream([added('b', '90'), listEnd('95')]));
    await t.server.comeBack();
    await seen.until('live');
    assert.deepEqual(seen.lines, ['snapshot a', 'interrupted', 'snapshot b', 'live']);
    assert.deepEqual([t.store.counters.snapshots, t.store.counters.interruptions], [2, 1]);
  });

  it('waits for a server that is away at the start', async () => {
    await using t = await setUp();
    await t.server.goAway();
    const seen = t.follow();
    await seen.until('interrupted');
    const [event] = seen.events;
    assert.ok(event?.type === 'interrupted');
    assert.equal(event.error.code, 'unavailable');
    assert.match(
      event.error.message,
      /^Cannot watch serviceexports at http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED .*; check that the API server runs/,
    );
    t.server.script(stream([listEnd('7')]));
    await t.server.comeBack();
    await seen.until('live');
    assert.deepEqual(seen.lines, ['interrupted', 'snapshot', 'live']);
  });

  it('says that the kind is not installed, and begins when it is', async () => {
    await using t = await setUp();
    const unknown: Answer = (response) => response.writeHead(404).end('404 page not found\n');
    t.server.script(unknown, unknown, stream([added('a', '3'), listEnd('7')]));
    const seen = t.follow();
    await seen.until('live');
    assert.deepEqual(seen.lines, ['interrupted', 'snapshot a', 'live']);
    const [event] = seen.events;
    assert.ok(event?.type === 'interrupted');
    assert.equal(event.error.code, 'not-found');
    assert.match(event.error.message, /HTTP 404: 404 page not found; install the CustomResourceDefinition/);
  });

  it('tells a new trouble that hides behind an old one', async () => {
    await using t = await setUp();
    const forbidden = refusal(403, 'Forbidden', 'not for you');
    t.server.script(
      refusal(503, 'ServiceUnavailable', 'later'),
      forbidden,
      forbidden,
      stream([listEnd('7')]),
    );
    const seen = t.follow();
    await seen.until('live');
    const codes = seen.events.map((event) => (event.type === 'interrupted' ? event.error.code : event.type));
    assert.deepEqual(codes, ['unavailable', 'forbidden', 'snapshot', 'live']);
  });

  it('waits as long as the server asks', async () => {
    const clock = new FakeClock();
    await using t = await setUp({ clock });
    t.server.script(
      refusal(429, 'TooManyRequests', 'slow down', { 'retry-after': '7' }),
      stream([listEnd('7')]),
    );
    const seen = t.follow();
    await seen.until('interrupted');
    await clock.advance(6_999);
    assert.equal(t.server.requests.length, 1);
    await clock.advance(1);
    await seen.until('live');
  });

  it('does not ask without pause when the server ends each watch at once', async () => {
    const clock = new FakeClock();
    await using t = await setUp({ clock, times: { backoff: { baseMs: 1000, maxMs: 1000 } } });
    t.server.script(
      stream([listEnd('7')], (response) => response.end()),
      stream([], (response) => response.end()),
    );
    const seen = t.follow();
    await seen.until('interrupted');
    assert.equal(t.server.requests.length, 2);
  });

  it('closes its connection when told to stop', async () => {
    await using t = await setUp();
    const closed = Promise.withResolvers<void>();
    t.server.script(stream([listEnd('7')], (response) => response.on('close', () => closed.resolve())));
    const seen = t.follow();
    await seen.until('snapshot');
    await seen.stop();
    await closed.promise;
  });

  it('delivers nothing more of a chunk after it was told to stop in the middle of it', async () => {
    await using t = await setUp();
    t.server.script(stream([listEnd('7'), added('a', '8'), added('b', '9')]));
    const stop = new AbortController();
    const seen: string[] = [];
    await t.store.watch(
      Kinds.ServiceExport,
      {},
      (event) => {
        seen.push(event.type);
        if (event.type === 'set') stop.abort();
      },
      stop.signal,
    );
    assert.deepEqual(seen, ['snapshot', 'set']);
  });

  it('drops what is only bookkeeping from the objects', async () => {
    await using t = await setUp();
    const big = exported('a', '3');
    Object.assign(big.metadata, {
      managedFields: [{}],
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', keep: 'me' },
    });
    t.server.script(stream([{ type: 'ADDED', object: big }, listEnd('7')]));
    const seen = t.follow();
    await seen.until('snapshot a');
    const [snapshot] = seen.events;
    assert.ok(snapshot?.type === 'snapshot');
    const metadata = { ...exported('a', '3').metadata, annotations: { keep: 'me' } };
    assert.deepEqual([...snapshot.objects][0]?.metadata, metadata);
  });
});

describe('a call to a Kubernetes API server', () => {
  const ref = { namespace: 'shop', name: 'mysql' };

  it('starts a list over when its moment left the history between two pages', async () => {
    await using t = await setUp();
    t.server.script(
      page(['a'], '7', 'next'),
      refusal(410, 'Expired', 'The provided continue parameter is too old'),
      page(['a'], '9', 'more'),
      page(['b'], '9'),
    );
    const objects = await t.store.list(Kinds.ServiceExport, { labels: { a: '1' }, labelExists: ['b'] });
    assert.deepEqual(objects, [exported('a', '1'), exported('b', '1')]);
    assert.deepEqual(
      t.server.requests.map(({ query }) => [query.get('limit'), query.get('continue')]),
      [
        ['500', null],
        ['500', 'next'],
        ['500', null],
        ['500', 'more'],
      ],
    );
    assert.equal(t.server.requests[0]?.query.get('labelSelector'), 'a=1,b');
  });

  it('keeps its connection for the next call', async () => {
    await using t = await setUp();
    t.server.script(json(exported('mysql', '1')));
    for (let i = 0; i < 3; i++) await t.store.get(Kinds.ServiceExport, ref);
    assert.equal(t.server.sockets.size, 1);
  });

  it('tries again on a fresh connection when the kept one turns out to be closed', async () => {
    await using t = await setUp();
    t.server.script(
      json(exported('mysql', '1')),
      (response) => response.destroy(),
      json(exported('mysql', '2')),
    );
    await t.store.get(Kinds.ServiceExport, ref);
    const object = await t.store.get(Kinds.ServiceExport, ref);
    assert.equal(object?.metadata.resourceVersion, '2');
  });

  it('gives up on a server that takes the request and says nothing', async () => {
    await using t = await setUp({ times: { deadlineMs: 30 } });
    t.server.script(() => {});
    await assert.rejects(t.store.get(Kinds.ServiceExport, ref), (error) => {
      assert.ok(error instanceof StoreError);
      assert.equal(error.code, 'unavailable');
      assert.match(error.message, /^Cannot get ServiceExport shop\/mysql at .*: no answer within 0\.03 s;/);
      return true;
    });
    assert.deepEqual(t.store.counters.calls.get, { succeeded: 0, failed: 1 });
  });

  it('gives up on an answer that does not come to its end', async () => {
    await using t = await setUp({ times: { deadlineMs: 30 } });
    t.server.script((response) => response.writeHead(200).write('{"metadata":'));
    await assert.rejects(t.store.get(Kinds.ServiceExport, ref), /no answer within 0\.03 s/);
  });

  it('says so when an answer breaks off', async () => {
    await using t = await setUp();
    t.server.script((response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"metadata":', () => response.destroy());
    });
    await assert.rejects(
      t.store.get(Kinds.ServiceExport, ref),
      /the connection was lost in the middle of the answer/,
    );
  });

  it('says so when an answer is not JSON', async () => {
    await using t = await setUp();
    t.server.script((response) => response.writeHead(200).end('<html>'));
    await assert.rejects(t.store.get(Kinds.ServiceExport, ref), /the answer is not JSON/);
  });

  it('reads the kubeconfig again when its token is not accepted any more', async () => {
    await using t = await setUp();
    const { port } = new URL(t.store.location);
    await writeFile(t.server.kubeconfig, kubeconfigFor(`http://127.0.0.1:${port}`, 'second'));
    t.server.script((response, request) => {
      const accepted = request.headers.authorization === 'Bearer second';
      (accepted ? json(exported('mysql', '1')) : refusal(401, 'Unauthorized', 'Unauthorized'))(
        response,
        request,
      );
    });
    assert.ok(await t.store.get(Kinds.ServiceExport, ref));
    assert.deepEqual(
      t.server.requests.map(({ headers }) => headers.authorization),
      ['Bearer first', 'Bearer second'],
    );
  });

  it('runs the command of the kubeconfig for a token, again when that has expired', async () => {
    await using t = await setUp();
    const config = JSON.parse(await readFile(t.server.kubeconfig, 'utf8')) as { users: object[] };
    const credential = (token: string, expirationTimestamp: string): string =>
      JSON.stringify({
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token, expirationTimestamp },
      });
    // Prints what is in the file, whatever that is at the time.
    const file = `${t.server.kubeconfig}.token`;
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'cat', args: [file] };
    config.users = [{ name: 'tester', user: { exec } }];
    await writeFile(t.server.kubeconfig, JSON.stringify(config));
    const store = await openKubernetesStore({ kubeconfig: t.server.kubeconfig, log: silentLog });
    t.server.script(json(exported('mysql', '1')));
    for (const [token, expires] of [
      ['one', '2000-01-01T00:00:00Z'],
      ['two', '2999-01-01T00:00:00Z'],
      ['three', '2999-01-01T00:00:00Z'],
    ] as const) {
      await writeFile(file, credential(token, expires));
      await store.get(Kinds.ServiceExport, ref);
    }
    store.close();
    assert.deepEqual(
      t.server.requests.map(({ headers }) => headers.authorization),
      ['Bearer one', 'Bearer two', 'Bearer two'],
    );
  });

  const status = (code: number, reason: string, causes: object[] = []): Answer =>
    json({ kind: 'Status', message: 'because', reason, code, details: { name: 'mysql', causes } }, code);
  const rows: readonly (readonly [string, Answer, StoreErrorCode, RegExp])[] = [
    ['a bad request', status(400, 'BadRequest'), 'invalid', /HTTP 400: because; correct it/],
    [
      'unknown credentials',
      status(401, 'Unauthorized'),
      'forbidden',
      /HTTP 401: because; check or renew the credentials$/,
    ],
    ['missing permission', status(403, 'Forbidden'), 'forbidden', /HTTP 403: because; grant this identity/],
    [
      'a namespace that is being deleted',
      status(403, 'Forbidden', [{ reason: 'NamespaceTerminating' }]),
      'not-found',
      /HTTP 403: because; create it first$/,
    ],
    ['a missing namespace', status(404, 'NotFound'), 'not-found', /HTTP 404: because; create it first$/],
    [
      'an unknown kind',
      (response) => response.writeHead(404).end('404 page not found\n'),
      'not-found',
      /HTTP 404: 404 page not found; install the CustomResourceDefinition of this kind$/,
    ],
    ['a conflict', status(409, 'Conflict'), 'conflict', /HTTP 409: because; read it again and retry$/],
    ['an object that is refused', status(422, 'Invalid'), 'invalid', /HTTP 422: because/],
    [
      'too many requests',
      status(429, 'TooManyRequests'),
      'unavailable',
      /HTTP 429: because; try again later$/,
    ],
    ['an error of the server', status(500, 'InternalError'), 'unavailable', /HTTP 500: because/],
    [
      'a proxy without server',
      (response) => response.writeHead(502).end('<h1>Bad\n gateway</h1>'),
      'unavailable',
      /HTTP 502: <h1>Bad gateway<\/h1>; try/,
    ],
  ];
  for (const [name, answer, code, says] of rows) {
    it(`names ${name} ${code}`, async () => {
      await using t = await setUp();
      t.server.script(answer);
      const object = exported('mysql', '1') as ServiceExport;
      await assert.rejects(t.store.apply(Kinds.ServiceExport, object), (error) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.code, code);
        assert.match(
          error.message,
          /^Cannot apply ServiceExport shop\/mysql at http:\/\/127\.0\.0\.1:\d+: HTTP/,
        );
        assert.match(error.message, says);
        return true;
      });
    });
  }

  it('hands on how long the server asks to wait', async () => {
    await using t = await setUp();
    t.server.script(refusal(503, 'ServiceUnavailable', 'later', { 'retry-after': '9' }));
    await assert.rejects(t.store.remove(Kinds.ServiceExport, ref), {
      code: 'unavailable',
      retryAfterSeconds: 9,
    });
  });

  it('sends no name that would change the path', async () => {
    await using t = await setUp();
    for (const name of ['', '.', '..', 'a/b', '%2e%2e']) {
      await assert.rejects(t.store.get(Kinds.ServiceExport, { ...ref, name }), { code: 'invalid' });
    }
    await assert.rejects(
      t.store.get(Kinds.ServiceExport, { name: 'mysql' }),
      /has no namespace, must have one/,
    );
    assert.equal(t.server.requests.length, 0);
  });
});

describe('a kubeconfig', () => {
  const good = JSON.parse(kubeconfigFor('http://127.0.0.1:1', 'x')) as Record<string, never>;
  const cluster = (server: string) => ({
    ...good,
    clusters: [{ name: 'stub', cluster: { server } }],
  });
  const rows: readonly (readonly [string, string | object, RegExp])[] = [
    ['that is empty', '', /it is not a kubeconfig: it is empty$/],
    ['that is not YAML', 'a: [', /it is not a kubeconfig: \S/],
    ['that is something else', 'hello', /it has no current-context/],
    [
      'without a current context',
      { ...good, 'current-context': undefined },
      /it has no current-context; choose one with: kubectl --kubeconfig .* config use-context stub$/,
    ],
    [
      'whose context is not there',
      { ...good, 'current-context': 'other' },
      /its current-context "other" is not in it; choose one with: kubectl .* use-context stub$/,
    ],
    [
      'whose cluster is not there',
      { ...good, clusters: [] },
      /names the cluster "stub", which is not in it$/,
    ],
    ['whose user is not there', { ...good, users: [] }, /names the user "tester", who is not in it$/],
    [
      'whose server is no URL',
      cluster('east'),
      /the server of cluster "stub" is "east", must be an https:\/\/ URL$/,
    ],
    [
      'whose server is not encrypted',
      cluster('http://east'),
      /must be https:\/\/ unless insecure-skip-tls-verify/,
    ],
    [
      'with a cluster without a server',
      { ...good, clusters: [{ name: 'stub', cluster: {} }] },
      /clusters\[0\]\.cluster\.server is missing$/,
    ],
  ];
  for (const [name, content, says] of rows) {
    it(`${name} is refused in one line`, async () => {
      await using server = await stubApiServer();
      await writeFile(server.kubeconfig, typeof content === 'string' ? content : JSON.stringify(content));
      await assert.rejects(
        openKubernetesStore({ kubeconfig: server.kubeconfig, log: silentLog }),
        (error) => {
          assert.ok(error instanceof StoreError);
          assert.equal(error.code, 'invalid');
          assert.ok(
            error.message.startsWith(`Cannot use kubeconfig "${server.kubeconfig}": `),
            error.message,
          );
          assert.match(error.message, says);
          assert.ok(!error.message.includes('\n'));
          return true;
        },
      );
    });
  }

  it('that is not there is refused in one line', async () => {
    await assert.rejects(openKubernetesStore({ kubeconfig: '/nowhere/config', log: silentLog }), {
      message: 'Cannot use kubeconfig "/nowhere/config": there is no such file',
    });
  });

  it('is asked for outside of a pod', async (t) => {
    const { KUBERNETES_SERVICE_HOST: _host, ...env } = process.env;
    t.mock.property(process, 'env', env);
    await assert.rejects(
      openKubernetesStore({ log: silentLog }),
      /^StoreError: Cannot find a Kubernetes API server: this process does not run in a pod; name a kubeconfig file/,
    );
  });
});
