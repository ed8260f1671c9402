/** The CoreDNS plugin in front of the real server: what a pod sees while servers die, hang, change and come back. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import { streamEncode } from 'dns-packet';
import { parseClusterId } from '../../../src/api/identity.ts';
import { startDnsServer } from '../../../src/dns/server.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { benchServices, manifestOf, objectsOf } from '../../bench/support/services.ts';
import { ensureBinaries } from '../../lab/binaries.ts';
import { type CoreDns, startCoreDns } from '../../lab/coredns.ts';
import { openLab } from '../../lab/lab.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { Authority } from '../../lab/x509.ts';
import { ask } from '../../support/ask.ts';
import { type PharosProcess, startPharos } from '../../support/pharos.ts';

/** As long as clients wait. */
const CLIENT_MS = 5000;
const WAIT_MS = 90_000;

const lab = await openLab({ name: 'shim' });
after(() => lab[Symbol.asyncDispose]());
const binary = (await ensureBinaries(['coredns-pharos']))['coredns-pharos'];
const services = benchServices(50);
const nameOf = (n: number): string => `svc${n}.ns${n % 50}.svc.clusterset.local`;

let corednsCount = 0;
interface Front extends CoreDns {
  /** A metric of the plugin's or of Go's, summed over its labels. */
  metric(name: string): Promise<number>;
}

async function front(ports: readonly number[], properties = ''): Promise<Front> {
  const dir = join(lab.dir, `front-${++corednsCount}`);
  await mkdir(dir, { recursive: true });
  const metricsPort = await freePort();
  const servers = ports.map((port) => `127.0.0.1:${port}`).join(' ');
  const corefile = `clusterset.local {\n  bind 127.0.0.1\n  pharos ${servers} {\n${properties}\n}\n  prometheus 127.0.0.1:${metricsPort}\n  errors\n}\n`;
  const coredns = await startCoreDns(corefile, { lab: lab.id, dir, binary });
  const started: Front = {
    ...coredns,
    async metric(name) {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const lines = text
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
  };
  // A question that comes before the first connection has to wait for it.
  await until('a connection to each server', WAIT_MS, async () =>
    (await started.metric('coredns_pharos_connections')) === ports.length ? true : undefined,
  );
  return started;
}

async function pharosDns(port: number, ...more: string[]): Promise<PharosProcess> {
  const dir = join(lab.dir, 'manifests');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'services.json'), manifestOf(services));
  const store = `--store=directory:${dir}`;
  const listen = `--listen=127.0.0.1:${port}`;
  return startPharos(
    'dns',
    '--cluster-id=east',
    store,
    listen,
    '--trust-proxy=127.0.0.1',
    '--log-level=warn',
    ...more,
  );
}

/** Asks without end, kept names and such as nobody has asked before, from several clients at once. */
function load(at: CoreDns) {
  const failed: string[] = [];
  let asked = 0;
  const end = new AbortController();
  const client = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const n = asked++;
      const [name, wanted] =
        n % 2 === 0 ? [nameOf(n % 50), 'NOERROR'] : [`x${n}.ns1.svc.clusterset.local`, 'NXDOMAIN'];
      const got = await ask(at, name, 'A', CLIENT_MS).then(
        ({ rcode }) => rcode,
        (error: Error) => error.message,
      );
      if (got !== wanted) failed.push(`${name}: ${got}`);
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, client));
  return {
    /** Waits until this many more were asked. */
    more: async (count: number) => {
      const target = asked + count;
      await until('queries go on', WAIT_MS, () => (asked >= target ? true : undefined));
    },
    end: async () => {
      end.abort();
      await clients;
      return failed;
    },
  };
}

test('no query is lost while servers are killed, hang, and are shut down, and one of them lives', async () => {
  const ports = [await freePort(), await freePort()] as const;
  let first = await pharosDns(ports[0]);
  await using second = await pharosDns(ports[1]);
  await Promise.all([first.ready(), second.ready()]);
  const coredns = await front(ports, 'health_check 300ms');
  const connections = (count: number) =>
    until(`${count} connections`, WAIT_MS, async () =>
      (await coredns.metric('coredns_pharos_connections')) === count ? true : undefined,
    );
  await connections(2);
  const queries = load(coredns);
  await queries.more(200);

  first.kill('SIGKILL');
  await queries.more(200);
  await first.ended;
  first = await pharosDns(ports[0]);
  await using again = first;
  await again.ready();
  await connections(2);

  // As behind a partition: nothing is refused, nothing comes.
  second.kill('SIGSTOP');
  await connections(1);
  await queries.more(200);
  second.kill('SIGCONT');
  await connections(2);

  // A rolling restart: it asks its plugins to go elsewhere.
  second.kill('SIGTERM');
  await second.ended;
  await queries.more(200);

  // CoreDNS reads its configuration anew.
  process.kill(coredns.pid, 'SIGUSR1');
  await queries.more(300);
  assert.deepEqual(await queries.end(), []);
  await coredns.stop();
});

test('with a thousand changes a second no answer is older than 100 ms, and only what changed is asked for', async () => {
  const zone = new Zone({ ownCluster: parseClusterId('east') });
  const objects = services.map(objectsOf);
  zone.replaceImports(objects.map(([object]) => object));
  zone.replaceSlices(objects.map(([, slice]) => slice));
  await using server = await startDnsServer({
    source: zone,
    listen: [{ address: '127.0.0.1', port: 0 }],
    log: silentLog,
    protocol: { trusts: () => true },
  });
  const coredns = await front([server.addresses[0]!.port]);
  const calm = 0;
  const changing = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  await ask(coredns, nameOf(calm), 'A', CLIENT_MS);

  // Address → when it ceased to be the answer. Each address is of one change alone.
  const endedAt = new Map<string, number>();
  const current = new Map<number, string>();
  let changes = 0;
  const enough = (): boolean => changes >= 3000;
  const change = (n: number): void => {
    changes++;
    const address = `10.${70 + (changes >> 16)}.${(changes >> 8) & 255}.${changes & 255}`;
    const before = current.get(n) ?? services[n]!.addresses[0]!;
    const [object, slice] = objectsOf({ ...services[n]!, addresses: [address] });
    zone.setImport(object);
    zone.setSlice(slice);
    current.set(n, address);
    endedAt.set(before, performance.now());
  };
  // What a busy machine does to a timer it does to the announcement as well.
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const timer = setInterval(() => {
    for (let each = 0; each < 10; each++) change(changing[each]!);
  }, 10);
  let latest = 0;
  let answers = 0;
  const client = async (): Promise<void> => {
    while (!enough()) {
      const asked = performance.now();
      const { answers: got } = await ask(coredns, nameOf(changing[answers++ % 10]!), 'A', CLIENT_MS);
      const ended = endedAt.get(got[0]!.slice(2));
      if (ended !== undefined) latest = Math.max(latest, asked - ended);
    }
  };
  await Promise.all(Array.from({ length: 4 }, client));
  clearInterval(timer);
  delay.disable();
  assert.ok(answers > 100, `only ${answers} answers`);
  assert.ok(latest <= 100 + (2 * delay.max) / 1e6, `an answer was ${latest.toFixed(0)} ms late`);

  // What did not change was never asked for again.
  const misses = await coredns.metric('coredns_pharos_cache_misses_total');
  await ask(coredns, nameOf(calm), 'A', CLIENT_MS);
  assert.equal(await coredns.metric('coredns_pharos_cache_misses_total'), misses);
  await until('the last state', WAIT_MS, async () => {
    const { answers: got } = await ask(coredns, nameOf(1), 'A', CLIENT_MS);
    return got[0] === `A ${current.get(1)}` ? true : undefined;
  });
  await coredns.stop();
});

test('random names drive out nothing that exists, and goroutines and memory stay within bounds', async () => {
  const port = await freePort();
  await using server = await pharosDns(port);
  await server.ready();
  const coredns = await front([port], 'cache 1000 200');
  for (let n = 0; n < 50; n++) await ask(coredns, nameOf(n), 'A', CLIENT_MS);
  const goroutines = await coredns.metric('go_goroutines');
  await Promise.all(
    Array.from({ length: 10 }, async (_, client) => {
      for (let n = 0; n < 300; n++)
        await ask(coredns, `r${client}-${n}.ns1.svc.clusterset.local`, 'A', CLIENT_MS);
    }),
  );
  const misses = await coredns.metric('coredns_pharos_cache_misses_total');
  for (let n = 0; n < 50; n++) await ask(coredns, nameOf(n), 'A', CLIENT_MS);
  assert.equal(await coredns.metric('coredns_pharos_cache_misses_total'), misses);
  // 50 that exist, 200 that do not, and one more in each of 64 shards.
  const entries = await coredns.metric('coredns_pharos_cache_entries');
  assert.ok(entries <= 50 + 200 + 64, `${entries} entries`);
  await until('goroutines are as many as before', WAIT_MS, async () =>
    (await coredns.metric('go_goroutines')) <= goroutines + 20 ? true : undefined,
  );
  await coredns.stop();
});

test('without a server kept answers are given for a while, and the server that comes back is asked', async () => {
  const port = await freePort();
  const first = await pharosDns(port);
  await first.ready();
  const coredns = await front([port], 'stale 1h');
  const known = await ask(coredns, nameOf(3), 'A', CLIENT_MS);
  first.kill('SIGKILL');
  await first.ended;
  assert.deepEqual(await ask(coredns, nameOf(3), 'A', CLIENT_MS), known);
  assert.equal((await ask(coredns, nameOf(4), 'A', CLIENT_MS)).rcode, 'SERVFAIL');
  assert.equal(await coredns.metric('coredns_pharos_served_stale_total'), 1);
  await using again = await pharosDns(port);
  await again.ready();
  await until('the new server is asked', WAIT_MS, async () =>
    (await ask(coredns, nameOf(4), 'A', CLIENT_MS)).rcode === 'NOERROR' ? true : undefined,
  );
  assert.deepEqual(await ask(coredns, nameOf(3), 'A', CLIENT_MS), known);
  assert.equal(await coredns.metric('coredns_pharos_served_stale_total'), 1);
  await coredns.stop();
});

test('over TLS each side knows the other by its certificate, and who has none is not answered', async () => {
  const dir = join(lab.dir, 'tls');
  await mkdir(dir, { recursive: true });
  const authority = new Authority('pharos-dns-ca');
  const write = async (name: string, { certificate, key }: { certificate: string; key: string }) => {
    await writeFile(join(dir, `${name}.crt`), certificate);
    await writeFile(join(dir, `${name}.key`), key);
  };
  await write('ca', authority);
  await write('server', authority.issue({ user: 'pharos-dns' }, ['pharos-dns.pharos-system.svc']));
  await write('client', authority.issue({ user: 'coredns' }));
  await write('stranger', new Authority('another-ca').issue({ user: 'coredns' }));
  const port = await freePort();
  await using server = await pharosDns(
    await freePort(),
    `--tls-cert=${dir}/server.crt`,
    `--tls-key=${dir}/server.key`,
    `--tls-client-ca=${dir}/ca.crt`,
    `--tls-listen=127.0.0.1:${port}`,
  );
  await server.ready(WAIT_MS);
  const as = (client: string): string =>
    `tls ${dir}/${client}.crt ${dir}/${client}.key ${dir}/ca.crt\ntls_servername pharos-dns.pharos-system.svc`;
  const coredns = await front([port], as('client'));
  assert.equal((await ask(coredns, nameOf(1), 'A', CLIENT_MS)).rcode, 'NOERROR');
  assert.equal((await ask(coredns, 'nothing.ns1.svc.clusterset.local', 'A', CLIENT_MS)).rcode, 'NXDOMAIN');
  await coredns.stop();

  const ca = authority.certificate;
  const servername = 'pharos-dns.pharos-system.svc';
  const strangers = {
    'without a certificate': {},
    'with one of another authority': {
      cert: await readFile(join(dir, 'stranger.crt')),
      key: await readFile(join(dir, 'stranger.key')),
    },
  };
  for (const [who, identity] of Object.entries(strangers)) {
    const socket = connect({ host: '127.0.0.1', port, ca, servername, ...identity });
    const answered = await new Promise<boolean>((resolve) => {
      // The handshake of TLS 1.3 is done for the client before the server has looked at its certificate.
      socket.once('secureConnect', () => socket.write(streamEncode({ type: 'query', id: 1, questions: [] })));
      socket.once('data', () => resolve(true));
      for (const end of ['error', 'close']) socket.once(end, () => resolve(false));
    });
    socket.destroy();
    assert.equal(answered, false, who);
  }
});
