/** The checks that ask, against a real CoreDNS before a real `pharos dns`, broken at each place of the way. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checks } from '../../../src/diagnosis/checks.ts';
import { FactSource } from '../../../src/diagnosis/fact-source.ts';
import { askFromHere } from '../../../src/diagnosis/gather/dns.ts';
import { gatherersFor } from '../../../src/diagnosis/gather/gatherers.ts';
import { runChecks, selectChecks } from '../../../src/diagnosis/run-checks.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { openLab, type Lab } from '../../lab/lab.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { type PharosProcess, startPharos } from '../../support/pharos.ts';

const ZONE = 'clusterset.local';
let lab: Lab;
let dir: string;
let port: number;
let server: PharosProcess | undefined;

const start = async (...args: string[]): Promise<PharosProcess> =>
  startPharos('dns', '--cluster-id=west', `--listen=127.0.0.1:${port}`, ...args);

before(async () => {
  lab = await openLab({ name: 'dns-path' });
  dir = await mkdtemp(join(tmpdir(), 'pharos-dns-path-'));
  await mkdir(join(dir, 'clusters/west'), { recursive: true });
  port = await freePort();
  server = await start(`--store=directory:${join(dir, 'clusters')}`);
  await server.ready(60_000);
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
  if (dir !== undefined) await rm(dir, { recursive: true });
});

const FALLBACK = '. {\n  bind 127.0.0.1\n  template ANY ANY {\n    rcode NXDOMAIN\n  }\n}\n';
const stub = (to: number): string => `${ZONE} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:${to}\n}\n`;

async function verdicts(corefile: string): Promise<string[]> {
  const coredns = await lab.coredns(`${corefile}${FALLBACK}`);
  try {
    const member = new MemoryStore({ location: 'memory', clock: systemClock });
    const gatherers = gatherersFor({
      member,
      asMember: async () => undefined,
      asAdministrator: undefined,
      asking: {
        ask: askFromHere,
        cannotAsk: '',
        dnsServer: `127.0.0.1:${port}`,
        clusterDns: `127.0.0.1:${coredns.port}`,
      },
      host: undefined,
      zone: ZONE,
      clock: systemClock,
    });
    const selected = selectChecks(checks, { groups: [], only: ['dns.answers', 'dns.cluster'], skip: [] });
    const source = new FactSource(gatherers, { clock: systemClock, limitMs: 60_000 });
    const found = await runChecks(selected, source, { now: 0, version: '0.1.0', zone: ZONE });
    return found.map(({ check, verdict }) =>
      verdict.is === 'failed' ? `${check.id}: ${verdict.reasons.join('; ')}` : `${check.id} ${verdict.is}`,
    );
  } finally {
    await coredns.stop();
  }
}

test('a way that is whole is ok', async () => {
  assert.deepEqual(await verdicts(stub(port)), ['dns.answers ok', 'dns.cluster ok']);
});

test('a zone that cluster DNS does not send on fails dns.cluster alone', async () => {
  const [straight, cluster] = await verdicts('');
  assert.equal(straight, 'dns.answers ok');
  assert.match(cluster ?? '', /^dns\.cluster: .*does not exist \(NXDOMAIN\)/);
});

test('a stub domain that forwards to where nobody is fails dns.cluster alone', async () => {
  const [straight, cluster] = await verdicts(stub(await freePort()));
  assert.equal(straight, 'dns.answers ok');
  assert.match(cluster ?? '', /^dns\.cluster: .*(SERVFAIL|does not answer)/);
});

test('a server that has not synced answers SERVFAIL, straight and through cluster DNS', async () => {
  await server?.[Symbol.asyncDispose]();
  const kubeconfig = join(dir, 'nowhere.kubeconfig');
  const nobody = await freePort();
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'c', cluster: { server: `https://127.0.0.1:${nobody}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }),
  );
  server = await start(`--kubeconfig=${kubeconfig}`);
  await until(
    'the server listening',
    60_000,
    async () => server?.log().includes('pharos dns is up') || undefined,
  );
  const [straight, cluster] = await verdicts(stub(port));
  assert.match(straight ?? '', /^dns\.answers: .*SERVFAIL: it has no data yet/);
  assert.match(cluster ?? '', /^dns\.cluster: .*SERVFAIL/);
});

test('a server of another zone refuses', async () => {
  await server?.[Symbol.asyncDispose]();
  server = await start(`--store=directory:${join(dir, 'clusters')}`, '--zone=other.local');
  await server.ready(60_000);
  const [straight] = await verdicts(stub(port));
  assert.match(straight ?? '', /^dns\.answers: .*refuses to answer for the zone/);
});

test('no server at all: dns.answers says so, and cluster DNS can not do better', async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
  const [straight, cluster] = await verdicts(stub(port));
  assert.match(straight ?? '', /^dns\.answers: .*does not answer/);
  assert.match(cluster ?? '', /^dns\.cluster: .*(SERVFAIL|does not answer)/);
});
