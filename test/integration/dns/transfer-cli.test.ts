/** Zone transfers as flags of `pharos dns` turn them on. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { benchServices, manifestOf } from '../../bench/support/services.ts';
import { command } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { startCli } from '../../support/cli-process.ts';

const missing = await requirePackages(['dnsutils', 'knot-dnsutils']);

test(
  'with --allow-transfer a network gets the zone, with --notify a secondary is told, others are refused',
  { skip: missing ?? false, timeout: 120_000 },
  async (t) => {
    const secondary = createSocket('udp4');
    t.after(() => secondary.close());
    secondary.bind(0, '127.0.0.1');
    await once(secondary, 'listening');
    const told = once(secondary, 'message') as Promise<[Buffer]>;
    const port = await freePort();
    const dir = await mkdtemp(join(tmpdir(), 'pharos-transfer-'));
    t.after(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'services.json'), manifestOf(benchServices(3)));
    await using _server = startCli([
      ...['dns', '--cluster-id=east', `--store=directory:${dir}`, `--listen=127.0.0.1:${port}`],
      ...['--metrics-listen=127.0.0.1:0', '--log-level=warn', '--allow-transfer=127.0.0.1/32'],
      `--notify=127.0.0.1:${secondary.address().port}`,
    ]);
    const [notify] = await told;
    // RFC 1996, 3.6 and 3.7: opcode 4, AA, and the zone's SOA is asked for.
    assert.equal(notify.readUInt16BE(2) & 0x7c00, (4 << 11) | 0x0400);
    assert.ok(notify.toString('latin1', 12).startsWith('\nclusterset\x05local\0\0\x06\0\x01'));

    const at = ['@127.0.0.1', '-p', String(port)];
    const { stdout: whole } = await command('kdig', [...at, 'clusterset.local', 'AXFR']);
    assert.match(whole, /^svc0\.ns0\.svc\.clusterset\.local\.\s+5\s+IN\s+A\s+/m);
    assert.equal(whole.match(/IN\s+SOA/g)?.length, 2, 'it begins and ends with the SOA');
    const { stdout: refused } = await command('dig', [...at, '-b', '127.0.0.2', 'clusterset.local', 'AXFR']);
    assert.match(refused, /Transfer failed/);
  },
);

test(
  'with --transfer-key-file the zone and its reverse zone are for who has the key',
  { skip: missing ?? false, timeout: 120_000 },
  async (t) => {
    const port = await freePort();
    const dir = await mkdtemp(join(tmpdir(), 'pharos-transfer-'));
    t.after(() => rm(dir, { recursive: true }));
    const key = `hmac-sha256:pharos:${Buffer.alloc(32, 7).toString('base64')}`;
    await writeFile(join(dir, 'transfer.key'), `${key}\n`);
    await mkdir(join(dir, 'objects'));
    await writeFile(join(dir, 'objects/services.json'), manifestOf(benchServices(3)));
    await using _server = startCli([
      ...['dns', '--cluster-id=east', `--store=directory:${dir}/objects`, `--listen=127.0.0.1:${port}`],
      ...['--metrics-listen=127.0.0.1:0', '--log-level=warn', '--allow-transfer=127.0.0.1/32'],
      `--transfer-key-file=${dir}/transfer.key`,
    ]);
    const dig = async (...args: string[]): Promise<string> =>
      (await command('dig', ['@127.0.0.1', '-p', String(port), ...args])).stdout;
    await until('the zone, with the key', 60_000, async () =>
      /^svc0\.ns0\.svc\..*\sA\s/m.test(await dig('clusterset.local', 'AXFR', '-y', key)) ? true : undefined,
    );
    assert.match(await dig('0.243.in-addr.arpa', 'AXFR', '-y', key), /^0\.243\.in-addr\.arpa\..*\sNS\s/m);
    assert.match(await dig('clusterset.local', 'AXFR'), /Transfer failed/);
  },
);

for (const [what, text, says] of [
  [
    'without a key in it',
    '# none\n',
    /Cannot use .*key \(--transfer-key-file\): there is no key in it; make one with/,
  ],
  [
    'without --allow-transfer',
    `hmac-sha256:pharos:${'A'.repeat(43)}=\n`,
    /--transfer-key-file is for transfers, which none may have: add --allow-transfer/,
  ],
] as const) {
  test(`--transfer-key-file ${what} is told as an error, with what to do`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-transfer-'));
    t.after(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'key'), text);
    const port = await freePort();
    await using server = startCli([
      ...['dns', '--cluster-id=east', `--store=directory:${dir}`, `--listen=127.0.0.1:${port}`],
      ...['--metrics-listen=127.0.0.1:0', `--transfer-key-file=${dir}/key`],
    ]);
    const { status, stderr } = await server.ended;
    assert.notEqual(status, 0);
    assert.match(stderr, says);
  });
}

test('--notify without --allow-transfer is told as an error, with what to add', async (t) => {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'pharos-transfer-'));
  t.after(() => rm(dir, { recursive: true }));
  await using server = startCli([
    ...['dns', '--cluster-id=east', `--store=directory:${dir}`, `--listen=127.0.0.1:${port}`],
    ...['--metrics-listen=127.0.0.1:0', '--notify=127.0.0.1:5353'],
  ]);
  const { status, stderr } = await server.ended;
  assert.notEqual(status, 0);
  assert.match(stderr, /--notify tells secondaries of changes.*add --allow-transfer NETWORK/);
});
