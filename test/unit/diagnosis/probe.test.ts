/** The test pods of `pharos verify`, on loopback: a real server, a real client, and a DNS server between. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { test } from 'node:test';
import { runProbe } from '../../../src/diagnosis/verify/probe-client.ts';
import {
  formatReport,
  parsePlan,
  parseReport,
  type ProbePlan,
  type ProbeReport,
  sampled,
} from '../../../src/diagnosis/verify/probe-plan.ts';
import { startProbeServer } from '../../../src/diagnosis/verify/probe-server.ts';
import { startDnsServer } from '../../../src/dns/server.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { freePort } from '../../lab/ports.ts';
import { zoneOf } from '../zone/driver.ts';

const NAME = 'web.shop.svc.clusterset.local';

/** @param says the cluster that the server says it is */
async function probe(says: string, change: Partial<ProbePlan> = {}, own = '127.0.0.1'): Promise<ProbeReport> {
  await using server = await startProbeServer(says, { address: '127.0.0.1', port: 0 });
  const zone = zoneOf({
    'shop/web': {
      ports: [`probe ${server.port}/TCP`],
      from: { west: { ips: ['127.0.0.1'] } },
    },
  });
  const dnsPort = await freePort();
  await using _dns = await startDnsServer({
    source: zone,
    listen: [{ address: '127.0.0.1', port: dnsPort }],
    log: silentLog,
  });
  const resolver = new Resolver({ timeout: 5000 });
  resolver.setServers([`127.0.0.1:${dnsPort}`]);
  const target = { kind: 'pod' as const, name: NAME, port: server.port, families: ['IPv4' as const] };
  return await runProbe(
    { to: 'west', targets: [target], sizes: [64, 1472, 9000], timeoutMs: 0, ...change },
    { resolver, clock: systemClock, ownIps: [own] },
  );
}

const summary = ({ rows }: ProbeReport): string[] => rows.map(([what, result]) => `${what}: ${result}`);

test('what works is said to work: names, both transports, every size, and the source', async () => {
  const report = await probe('west');
  assert.deepEqual(
    summary(report),
    [
      'A of the pod: ok',
      'AAAA of the pod: ok',
      'SRV of the pod: ok',
      'TCP to the pod, IPv4: ok',
      'UDP to the pod, IPv4: ok',
      'source at the pod, IPv4: ok',
    ],
    JSON.stringify(report.rows),
  );
});

test('an answer of another cluster fails', async () => {
  const { rows } = await probe('east');
  assert.deepEqual(rows[3], ['TCP to the pod, IPv4', 'failed', 'cluster "east" answers at 127.0.0.1']);
});

test('a source that was translated fails at a pod', async () => {
  const { rows } = await probe('west', {}, '10.1.2.3');
  assert.deepEqual(rows.at(-1), [
    'source at the pod, IPv4',
    'failed',
    '127.0.0.1 is seen there, the pod is 10.1.2.3',
  ]);
});

test('a name that does not exist fails each of its types, and nothing is connected to', async () => {
  const target = { kind: 'pod' as const, name: 'no.shop.svc.clusterset.local', port: 1, families: [] };
  const report = await probe('west', { targets: [target] });
  assert.deepEqual(summary(report), [
    'A of the pod: failed',
    'AAAA of the pod: failed',
    'SRV of the pod: failed',
  ]);
});

test('a port where nobody is fails both transports', async () => {
  const unused = await startProbeServer('west', { address: '127.0.0.1', port: 0 });
  await unused[Symbol.asyncDispose]();
  const target = { kind: 'pod' as const, name: NAME, port: unused.port, families: ['IPv4' as const] };
  const report = await probe('west', { targets: [target], sizes: [64] });
  assert.deepEqual(summary(report).slice(2), [
    'SRV of the pod: failed',
    'TCP to the pod, IPv4: failed',
    'UDP to the pod, IPv4: failed',
  ]);
});

test('measuring gives as many samples as fit, in order', async () => {
  const { measured } = await probe('west', { measure: { queries: 30, trips: 150, seconds: 0.2 } });
  assert.deepEqual(
    measured.map(({ what, unit, count }) => [what, unit, count >= 1]),
    [
      ['resolution of the pod', 'ms', true],
      ['round trip to the pod', 'ms', true],
      ['there and back to the pod', 'Mbit/s', true],
    ],
  );
  assert.equal(measured[1]?.count, 150);
  for (const { samples } of measured) {
    assert.ok(samples.length <= 80);
    assert.deepEqual(
      samples,
      samples.toSorted((a, b) => a - b),
    );
  }
});

test('reports and plans come through as they were, and a long report still fits where the kubelet keeps it', () => {
  const plan: ProbePlan = {
    to: 'west',
    targets: [{ kind: 'Service', name: NAME, port: 8080, families: ['IPv4', 'IPv6'] }],
    sizes: [64],
    timeoutMs: 1000,
  };
  assert.deepEqual(parsePlan(JSON.stringify(plan)), plan);
  assert.throws(() => parsePlan('{}'));
  const samples = sampled(Array.from({ length: 5000 }, (_, n) => 4999 - n + 0.12345));
  assert.equal(samples.length, 80);
  const measured = ['a', 'b', 'c', 'd', 'e', 'f'].map((what) => ({
    what,
    unit: 'ms' as const,
    samples,
    count: 5000,
  }));
  const rows = Array.from({ length: 12 }, (_, n) => [`row ${n}`, 'ok', 'é'.repeat(500)] as const);
  const text = formatReport({ rows, measured });
  assert.ok(Buffer.byteLength(text) <= 4096, `${Buffer.byteLength(text)} bytes`);
  assert.equal(parseReport(text).rows.length, 12);
  assert.deepEqual(parseReport(text).measured, measured);
});
