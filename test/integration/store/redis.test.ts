/** Publishing to real Redises and reading from them: the store contract, and all that can happen to a Redis. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { ServiceImport } from '../../../src/api/objects.ts';
import { parseRedisUrl } from '../../../src/api/redis-url.ts';
import { SeverableStore } from '../../../src/commands/playground/severable-store.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { RedisPublisher, type RedisSource } from '../../../src/store/redis-publisher.ts';
import { RedisStore, type RedisStoreOptions } from '../../../src/store/redis.ts';
import type { ObjectStore } from '../../../src/store/store.ts';
import { openLab, type Lab } from '../../lab/lab.ts';
import { requirePackages } from '../../lab/packages.ts';
import { RedisServer } from '../../lab/redis.ts';
import { until } from '../../lab/wait.ts';
import { Authority } from '../../lab/x509.ts';
import { storeContract } from '../../unit/store/contract.ts';
import { record } from '../../unit/support/recording.ts';

const LIMIT_MS = 60_000;
const { ServiceImport: Imports } = Kinds;

const skip = (await requirePackages(['redis-server', 'redis-sentinel'])) ?? false;
const scratch = mkdtempSync(join(tmpdir(), 'pharos-redis-'));
let lab: Lab;
let servers = 0;
const start = (settings: Partial<Parameters<typeof RedisServer.start>[0]> = {}): Promise<RedisServer> =>
  RedisServer.start({ lab: lab.id, dir: join(scratch, `redis-${servers++}`), ...settings });

before(async () => {
  if (skip === false) lab = await openLab({ name: 'redis' });
});
after(async () => {
  await lab?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

const whole = (kind: Kind): RedisSource => ({ kind, selector: {}, cut: (object) => object });
const sources = [Imports, Kinds.ServiceExport, Kinds.EndpointSlice, Kinds.Namespace].map(whole);
const common = {
  cluster: 'east',
  resolvePath: String,
  log: silentLog,
  clock: systemClock,
  random: Math.random,
};

const imported = (name: string, ips: string[] = []): ServiceImport => ({
  apiVersion: Imports.apiVersion,
  kind: 'ServiceImport',
  metadata: { name, namespace: 'shop' },
  spec: { type: 'ClusterSetIP', ports: [{ name: 'sql', protocol: 'TCP', port: 3306 }], ips },
});

/** A cluster's objects in memory, and an agent's publisher of them. */
class Publishing {
  readonly memory = new MemoryStore({ location: 'memory', clock: systemClock });
  readonly store = new SeverableStore(this.memory);
  readonly publisher: RedisPublisher;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(url: string, options: { readonly epoch?: number; readonly keepEntries?: number } = {}) {
    this.publisher = new RedisPublisher({
      ...common,
      url: parseRedisUrl(url),
      store: this.store,
      sources,
      epoch: options.epoch ?? 1,
      beatMs: 100,
      ...(options.keepEntries !== undefined && { keepEntries: options.keepEntries }),
    });
    this.#ended = this.publisher.run(this.#stop.signal);
  }

  async set(...objects: readonly ServiceImport[]): Promise<void> {
    for (const object of objects) await this.memory.apply(Imports, object);
    await this.done();
  }

  async remove(name: string): Promise<void> {
    await this.memory.remove(Imports, { namespace: 'shop', name });
    await this.done();
  }

  /** Resolves when Redis holds what it should. */
  async done(): Promise<void> {
    await until('publication', LIMIT_MS, () => (this.publisher.objects.pending === 0 ? true : undefined), 2);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

const reading = (url: string, times: RedisStoreOptions['times'] = {}): RedisStore =>
  new RedisStore({
    ...common,
    url: parseRedisUrl(url),
    times: { blockMs: 50, silentMs: LIMIT_MS, backoff: { baseMs: 20, maxMs: 100 }, ...times },
  });

/** What a reader knows: names → first address, as its watch has told. */
function follow(store: RedisStore, signal: AbortSignal) {
  const seen = record(store, Imports, {}, signal);
  const state = (): Record<string, string | undefined> => {
    const known = new Map<string, string | undefined>();
    for (const event of seen.events) {
      if (event.type === 'snapshot') known.clear();
      for (const object of event.type === 'snapshot'
        ? event.objects
        : event.type === 'set'
          ? [event.object]
          : []) {
        known.set(object.metadata.name, object.spec.ips?.[0]);
      }
      if (event.type === 'removed') known.delete(event.object.metadata.name);
    }
    return Object.fromEntries(known);
  };
  const reaches = async (wanted: Record<string, string | undefined>): Promise<void> => {
    await until(`the state ${JSON.stringify(wanted)}`, LIMIT_MS, () => {
      try {
        assert.deepEqual(state(), wanted);
        return true;
      } catch {
        throw new Error(`it is ${JSON.stringify(state())}: ${seen.lines.join('; ')}`);
      }
    });
  };
  const last = (): string => {
    const told = seen.events.findLast(({ type }) => type === 'interrupted' || type === 'live');
    return told?.type === 'interrupted' ? told.error.message : (told?.type ?? 'never lost');
  };
  const says = (pattern: RegExp): Promise<true> =>
    until(`the watch says ${pattern}`, LIMIT_MS, () => {
      if (pattern.test(last())) return true;
      throw new Error(`it says: ${last()}`);
    });
  return { seen, state, reaches, says };
}

/** What is published by one and read by the other, as one store: a write is done when it is in Redis. */
function asStore(
  { memory, done }: Pick<Publishing, 'memory'> & { done: () => Promise<void> },
  redis: RedisStore,
): ObjectStore {
  const published = async <R>(written: Promise<R>): Promise<R> => {
    const result = await written;
    await done();
    return result;
  };
  return {
    location: redis.location,
    list: (kind, selector) => redis.list(kind, selector),
    get: (kind, ref) => redis.get(kind, ref),
    watch: (kind, selector, onEvent, signal) => redis.watch(kind, selector, onEvent, signal),
    apply: (kind, object, options) => published(memory.apply(kind, object, options)),
    applyStatus: (kind, object) => published(memory.applyStatus(kind, object)),
    remove: (kind, ref) => published(memory.remove(kind, ref)),
  };
}

describe('Redis', { skip }, () => {
  storeContract('what an agent publishes, read from Redis,', async () => {
    const server = await start();
    const url = `redis://127.0.0.1:${server.port}`;
    const publishing = new Publishing(url);
    await publishing.done();
    const redis = reading(url);
    return {
      store: asStore({ memory: publishing.memory, done: () => publishing.done() }, redis),
      async close() {
        await redis.close();
        await publishing.stop();
        await server.stop();
      },
    };
  });

  describe('whatever happens to it', () => {
    let server: RedisServer;
    let url: string;
    let publishing: Publishing;
    let stop: AbortController;
    const all: Record<string, string> = { a: '10.0.0.1', b: '10.0.0.2' };

    before(async () => {
      server = await start();
      url = `redis://127.0.0.1:${server.port}`;
    });
    after(() => server?.stop());

    const setUp = async (options?: ConstructorParameters<typeof Publishing>[1]) => {
      await server.must('FLUSHALL');
      publishing = new Publishing(url, options);
      await publishing.set(...Object.entries(all).map(([name, ip]) => imported(name, [ip])));
      stop = new AbortController();
      const redis = reading(url);
      const reader = follow(redis, stop.signal);
      await reader.reaches(all);
      return { redis, reader };
    };
    const tearDown = async (): Promise<void> => {
      stop.abort();
      await publishing.stop();
    };

    it('goes on with what is known while Redis is away, and when it comes back empty it is filled again', async () => {
      const { reader, redis } = await setUp();
      await server.stop();
      await reader.says(/Cannot (follow|connect to) Redis at redis:\/\/127/);
      assert.deepEqual(reader.state(), all);
      await server.start();
      await reader.says(/^live$/);
      await publishing.set(imported('c', ['10.0.0.3']));
      await reader.reaches({ ...all, c: '10.0.0.3' });
      assert.ok(!reader.seen.lines.includes('snapshot'), `never empty: ${reader.seen.lines.join('; ')}`);
      assert.equal(redis.counters.generation, publishing.publisher.counters.generation);
      await tearDown();
    });

    it('keeps what is known when Redis is flushed and nobody fills it, and says so', async () => {
      const { reader } = await setUp();
      await publishing.stop();
      await server.must('FLUSHALL');
      await reader.says(/holds nothing for cluster east any more: it was flushed/);
      assert.deepEqual(reader.state(), all);
      // A new agent, which remembers nothing, publishes less: that counts, since its leadership is later.
      publishing = new Publishing(url, { epoch: 2 });
      await publishing.set(imported('a', ['10.0.0.9']));
      await reader.reaches({ a: '10.0.0.9' });
      await reader.says(/^live$/);
      await tearDown();
    });

    it('mends a flushed Redis by itself', async () => {
      const { reader } = await setUp();
      await server.must('FLUSHALL');
      await until('repair', LIMIT_MS, async () =>
        (await server.must('HLEN', 'pharos:{east}:objects')) === '2' ? true : undefined,
      );
      await publishing.set(imported('c', ['10.0.0.3']));
      await reader.reaches({ ...all, c: '10.0.0.3' });
      assert.ok(publishing.publisher.counters.repairs > 0);
      assert.ok(!reader.seen.lines.includes('snapshot'), reader.seen.lines.join('; '));
      await tearDown();
    });

    it('does not go back to an older state, and goes on when the agent has brought it up to date', async () => {
      const { reader } = await setUp();
      const old = await dump(server);
      await publishing.set(imported('a', ['10.0.0.7']), imported('c', ['10.0.0.3']));
      await reader.reaches({ a: '10.0.0.7', b: '10.0.0.2', c: '10.0.0.3' });
      await publishing.stop();
      await restore(server, old);
      await reader.says(/it holds generation \d+ of epoch 1, older than what is known/);
      assert.deepEqual(reader.state(), { a: '10.0.0.7', b: '10.0.0.2', c: '10.0.0.3' });
      publishing = new Publishing(url, { epoch: 2 });
      await publishing.set(imported('a', ['10.0.0.8']));
      await reader.reaches({ a: '10.0.0.8' });
      await tearDown();
    });

    /** What a Redis holds after `happen`, which the reader sees nothing of, is there from one moment to the next. */
    const leap = async (
      happen: (elsewhere: Publishing) => Promise<void>,
      options: ConstructorParameters<typeof Publishing>[1],
    ) => {
      await publishing.stop();
      const other = await start();
      await copyState(server, other);
      const elsewhere = new Publishing(`redis://127.0.0.1:${other.port}`, options);
      await happen(elsewhere);
      await elsewhere.stop();
      await copyState(other, server);
      await other.stop();
    };

    it('notices that a history took another turn, and reads everything', async () => {
      const { reader, redis } = await setUp();
      // A failover that loses a write which the reader has seen: the agent goes on from before it, elsewhere.
      await publishing.stop();
      const before = await start();
      await copyState(server, before);
      publishing = new Publishing(url);
      await publishing.set(
        ...Object.entries(all).map(([name, ip]) => imported(name, [ip])),
        imported('c', ['10.0.0.3']),
      );
      await reader.reaches({ ...all, c: '10.0.0.3' });
      const seen = redis.counters.generation;
      await publishing.stop();
      publishing = new Publishing(`redis://127.0.0.1:${before.port}`, { epoch: 2 });
      for (let n = 0; publishing.publisher.counters.generation <= seen; n++) {
        await publishing.set(imported('d', [`10.0.0.${n}`]), imported('e', ['10.0.0.5']));
      }
      const d = (await publishing.memory.get(Imports, { namespace: 'shop', name: 'd' }))?.spec.ips?.[0];
      await publishing.stop();
      await copyState(before, server);
      await reader.reaches({ d, e: '10.0.0.5' });
      assert.ok(redis.counters.gaps > 0);
      await before.stop();
      await tearDown();
    });

    it('reads everything again where the stream no longer has what a reader lacks', async () => {
      const { reader, redis } = await setUp();
      await leap(
        async (elsewhere) => {
          for (const [name, ip] of Object.entries(all))
            await elsewhere.memory.apply(Imports, imported(name, [ip]));
          await elsewhere.set(imported('c', ['10.0.1.1']));
          for (let n = 0; n < 10; n++) await elsewhere.set(imported('d', [`10.0.1.${n}`]));
        },
        { keepEntries: 3 },
      );
      assert.equal(await server.must('XLEN', 'pharos:{east}:changes'), '3');
      await reader.reaches({ ...all, c: '10.0.1.1', d: '10.0.1.9' });
      assert.ok(redis.counters.gaps > 0);
      await tearDown();
    });

    it('takes nothing from a leader of the past', async () => {
      const { reader } = await setUp({ epoch: 5 });
      const late = new Publishing(url, { epoch: 4 });
      await late.memory.apply(Imports, imported('late', ['10.9.9.9']));
      await until('the late one is told', LIMIT_MS, () =>
        late.publisher.counters.fenced ? true : undefined,
      );
      await publishing.set(imported('c', ['10.0.0.3']));
      await reader.reaches({ ...all, c: '10.0.0.3' });
      await late.stop();
      // The next leader takes over, and from then on this one is of the past.
      const next = new Publishing(url, { epoch: 6 });
      await next.set(imported('only', ['10.0.0.6']));
      await reader.reaches({ only: '10.0.0.6' });
      await publishing.memory.apply(Imports, imported('x', ['10.9.9.9']));
      await until('it is told', LIMIT_MS, () => (publishing.publisher.counters.fenced ? true : undefined));
      assert.deepEqual(reader.state(), { only: '10.0.0.6' });
      await next.stop();
      await tearDown();
    });

    it('tells when the agent is silent, or cannot see its cluster', async () => {
      const { reader } = await setUp();
      stop.abort();
      stop = new AbortController();
      const wary = follow(reading(url, { silentMs: 1500 }), stop.signal);
      await wary.reaches(all);
      publishing.store.cut();
      await wary.says(/what it holds is not kept up to date/);
      assert.deepEqual(wary.state(), all);
      publishing.store.mend();
      await wary.says(/^live$/);
      void reader;
      await tearDown();
    });

    it('takes what a stranger wrote for what it is', async () => {
      const { reader, redis } = await setUp();
      const key = 'pharos:{east}:objects';
      await server.must('HSET', key, 'serviceimports/shop/evil', '{"kind":"ServiceImport"}', 'x', 'no JSON');
      const other = JSON.stringify(imported('a', ['10.6.6.6']));
      await server.must('HSET', key, 'serviceimports/shop/other', other, 'serviceimports/__proto__/x', other);
      const names = (await redis.list(Imports)).map(({ metadata }) => metadata.name).sort();
      assert.deepEqual(names, ['a', 'b']);
      assert.ok(redis.counters.rejected >= 4, `${redis.counters.rejected}`);
      await server.must('XADD', 'pharos:{east}:changes', '*', 'epoch', '9', 'changes', '[{"removed":null}]');
      await publishing.set(imported('c', ['10.0.0.3']));
      await reader.reaches({ ...all, c: '10.0.0.3' });
      await server.must('HSET', 'pharos:{east}:meta', 'cluster', 'west');
      await reader.says(/it holds the objects of cluster west, not of east/);
      assert.deepEqual(reader.state(), { ...all, c: '10.0.0.3' });
      await redis.close();
      await tearDown();
    });

    it('refuses to be written to, and says where to', async () => {
      await assert.rejects(reading(url).apply(), /its agent publishes them; change them in cluster east/);
    });
  });

  it('speaks TLS with certificates on both sides, as an ACL user with the rights that the docs give', async () => {
    const authority = new Authority('redis-ca');
    const write = (name: string, text: string): string => {
      const path = join(scratch, name);
      writeFileSync(path, text);
      return path;
    };
    const identity = authority.issue({ user: 'redis' }, ['127.0.0.1', 'localhost']);
    const client = authority.issue({ user: 'pharos' });
    const ca = write('ca.pem', authority.certificate);
    const tls = {
      ca,
      cert: write('server.pem', identity.certificate),
      key: write('server.key', identity.key),
    };
    const secured = await start({
      tls,
      lines: [
        'user default off',
        'user agent on >s3cret/:@ ~pharos:{*}:* -@all +multi +exec +hmget +hgetall +eval +hset +hdel +xadd +xrevrange +select +info',
        'user dns on >other ~pharos:{*}:* -@all +multi +exec +hmget +hgetall +hget +xread +select +info',
      ],
    });
    const files = `ca=${ca}&cert=${write('client.pem', client.certificate)}&key=${write('client.key', client.key)}`;
    const at = `127.0.0.1:${secured.port}`;
    const publishing = new Publishing(`rediss://agent:${encodeURIComponent('s3cret/:@')}@${at}?${files}`);
    await publishing.set(imported('a', ['10.0.0.1']));
    const password = write('password', 'other\n');
    const stop = new AbortController();
    const reader = follow(reading(`rediss://dns@${at}?${files}&password-file=${password}`), stop.signal);
    await reader.reaches({ a: '10.0.0.1' });
    await publishing.remove('a');
    await reader.reaches({});

    const wrong = follow(reading(`rediss://dns:wr0ng@${at}?${files}`), stop.signal);
    await wrong.says(/WRONGPASS.*check the user, its password and its ACL/);
    const untrusted = follow(reading(`rediss://dns:other@${at}`), stop.signal);
    await untrusted.says(/self-signed certificate|unable to (get|verify)/);
    for (const { seen } of [wrong, untrusted]) assert.ok(!JSON.stringify(seen.events).includes('wr0ng'));
    stop.abort();
    await publishing.stop();
    await secured.stop();
  });

  it('finds the master by Sentinels, and the next one after a failover', async () => {
    const master = await start();
    const replica = await start({ lines: [`replicaof 127.0.0.1 ${master.port}`] });
    const sentinels = await Promise.all(
      [1, 2, 3].map(() =>
        start({
          sentinel: true,
          lines: [
            `sentinel monitor pharos 127.0.0.1 ${master.port} 2`,
            'sentinel down-after-milliseconds pharos 1000',
            'sentinel failover-timeout pharos 10000',
          ],
        }),
      ),
    );
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const url = `redis+sentinel://${hosts}/pharos`;
    const publishing = new Publishing(url);
    await publishing.set(imported('a', ['10.0.0.1']));
    const stop = new AbortController();
    const reader = follow(reading(url), stop.signal);
    await reader.reaches({ a: '10.0.0.1' });
    await until('the replica follows', LIMIT_MS, async () =>
      (await replica.must('HLEN', 'pharos:{east}:objects')) === '1' ? true : undefined,
    );
    await until('the Sentinels know each other', LIMIT_MS, async () => {
      const seen = await Promise.all(sentinels.map((each) => each.cli(['SENTINEL', 'MASTER', 'pharos'])));
      return seen.every((text) => /num-other-sentinels\n2\n/.test(text) && /num-slaves\n1\n/.test(text))
        ? true
        : undefined;
    });
    await master.stop();
    await publishing.memory.apply(Imports, imported('b', ['10.0.0.2']));
    await reader.reaches({ a: '10.0.0.1', b: '10.0.0.2' });
    assert.match(await replica.must('ROLE'), /^master/);
    assert.ok(!reader.seen.lines.includes('snapshot'), reader.seen.lines.join('; '));
    stop.abort();
    await publishing.stop();
    await Promise.all([...sentinels, replica].map((each) => each.stop()));
  });
});

const KEYS = ['meta', 'objects', 'changes'].map((key) => `pharos:{east}:${key}`);

/** What a Redis holds of the cluster, as Redis itself writes it, in hexadecimal. */
async function dump(server: RedisServer): Promise<string[]> {
  const script =
    "return (redis.call('DUMP', KEYS[1]):gsub('.', function(c) return string.format('%02x', c:byte()) end))";
  return Promise.all(KEYS.map((key) => server.must('EVAL', script, '1', key)));
}

/** Puts it into a Redis, in one step. */
async function restore(server: RedisServer, state: readonly string[]): Promise<void> {
  const script = `for at, key in ipairs(KEYS) do
    local bytes = ARGV[at]:gsub('%x%x', function(x) return string.char(tonumber(x, 16)) end)
    redis.call('RESTORE', key, 0, bytes, 'REPLACE')
  end`;
  await server.must('EVAL', script, String(KEYS.length), ...KEYS, ...state);
}

const copyState = async (from: RedisServer, to: RedisServer): Promise<void> => restore(to, await dump(from));
