/** Real secondaries follow a zone that changes all the time, and end with what it is. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { startDnsServer } from '../../../src/dns/server.ts';
import { parseTsigKeys, type Signing } from '../../../src/dns/tsig-keys.ts';
import { Notifier } from '../../../src/dns/transfer/notifier.ts';
import { Transfers } from '../../../src/dns/transfer/transfers.ts';
import { ZoneFollower } from '../../../src/dns/transfer/zone-follower.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { command } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';
import { freePort } from '../../lab/ports.ts';
import { Daemon } from '../../lab/processes.ts';
import { until } from '../../lab/wait.ts';
import { ask } from '../../support/ask.ts';
import { Random } from '../../fuzz/random.ts';
import { objectsOf, type ServiceText, zoneOf } from '../../unit/zone/driver.ts';

/** PHAROS_TRANSFER_SECONDS=60 for the long run. */
const SECONDS = Number(process.env['PHAROS_TRANSFER_SECONDS'] ?? '4');
const CHANGES_PER_SECOND = 50;
const SERVICES = 60;
const Z = 'clusterset.local';
const REVERSE = '10.in-addr.arpa';
const SECRET = Buffer.alloc(32, 8).toString('base64');
const KEY = `hmac-sha256:pharos:${SECRET}`;

const missing = await requirePackages(['knot', 'knot-dnsutils', 'nsd', 'dnsutils']);

/** A primary with transfers, NOTIFY and a zone to change. */
async function primary(secondaries: readonly number[], key?: string) {
  const zone = zoneOf({}, { serial: 2 ** 32 - 20, reverseZones: ['10.0.0.0/8'] });
  const signing = key === undefined ? undefined : signingBy(key);
  const notifier = new Notifier(
    secondaries.map((port) => ({ address: '127.0.0.1', port })),
    { follower: () => follower, clock: systemClock, log: silentLog, signing },
  );
  const follower: ZoneFollower = new ZoneFollower(zone, [Z, REVERSE], () => notifier.tell());
  const transfers = new Transfers(follower, signing);
  const server = await startDnsServer({
    source: zone,
    listen: [{ address: '127.0.0.1', port: 0 }],
    log: silentLog,
    protocol: { mayTransfer: (address) => address === '127.0.0.1', ...(signing && { signing }) },
    transfer: (query) => transfers.open(query),
  });
  return {
    zone,
    transfers,
    counters: server.counters,
    port: server.addresses[0]!.port,
    async [Symbol.asyncDispose]() {
      notifier.close();
      follower.close();
      await server.close();
    },
  };
}

function signingBy(text: string): Signing {
  const keys = parseTsigKeys(text);
  return { keys: () => keys, now: () => Math.floor(Date.now() / 1000) };
}

const secondaries = {
  knot: async (dir: string, primaryPort: number, port: number): Promise<Daemon> => {
    const config = join(dir, 'knot.conf');
    await writeFile(
      config,
      `server:
  rundir: ${dir}
  listen: 127.0.0.1@${port}
log:
  - target: stderr
    any: info
database:
  storage: ${dir}
key:
  - id: pharos
    algorithm: hmac-sha256
    secret: ${SECRET}
remote:
  - id: pharos
    address: 127.0.0.1@${primaryPort}
    key: pharos
acl:
  - id: pharos
    key: pharos
    action: notify
  - id: reader
    address: 127.0.0.1
    action: transfer
zone:
${[Z, REVERSE].map((zone) => `  - domain: ${zone}\n    storage: ${dir}\n    master: pharos\n    acl: [pharos, reader]\n`).join('')}`,
    );
    return new Daemon('knotd', ['-c', config], 'knotd', { lab: 'transfer', logFile: join(dir, 'knot.log') });
  },
  nsd: async (dir: string, primaryPort: number, port: number): Promise<Daemon> => {
    const config = join(dir, 'nsd.conf');
    await writeFile(
      config,
      `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  chroot: ""
  zonesdir: "${dir}"
  pidfile: ""
  xfrdfile: "${dir}/xfrd.state"
  zonelistfile: "${dir}/zone.list"
  database: ""
  xfrd-reload-timeout: 0
  verbosity: 2
remote-control:
  control-enable: no
key:
  name: pharos
  algorithm: hmac-sha256
  secret: "${SECRET}"
${[Z, REVERSE]
  .map(
    (zone) => `zone:
  name: ${zone}
  zonefile: ${zone}.zone
  allow-notify: 127.0.0.1 pharos
  request-xfr: 127.0.0.1@${primaryPort} pharos
  provide-xfr: 127.0.0.1 NOKEY
`,
  )
  .join('')}`,
    );
    return new Daemon('nsd', ['-d', '-c', config], 'nsd', { lab: 'transfer', logFile: join(dir, 'nsd.log') });
  },
};

/** All records by AXFR, as lines of one form. */
async function axfr(port: number, zone = Z, key?: string): Promise<string[]> {
  const { stdout } = await command('dig', [
    ...['@127.0.0.1', '-p', String(port), zone, 'AXFR', '+onesoa', '+nocomments', '+nocmd', '+nostats'],
    ...(key === undefined ? [] : ['-y', key]),
  ]);
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';') && !/\sTSIG\s/.test(line));
  return lines.map((line) => line.replaceAll(/\s+/g, ' ').toLowerCase()).sort();
}

function aService(random: Random): ServiceText {
  const clusters = ['west', 'east', 'north'].filter(() => random.once(2));
  const address = (): string => `10.${random.below(250)}.${random.below(250)}.${1 + random.below(250)}`;
  const headless = random.once(3);
  return {
    type: headless ? 'Headless' : 'ClusterSetIP',
    policy: random.of(['local', 'weighted', 'all']),
    affinity: random.once(4),
    ports: ['http 80/TCP', 'dns 53/UDP'].slice(random.below(3)),
    from: Object.fromEntries(
      clusters.map((cluster) => [
        cluster,
        headless
          ? { endpoints: Array.from({ length: random.below(4) }, (_, n) => `${address()} host=h-${n}`) }
          : { ips: [address()], weight: random.below(3) },
      ]),
    ),
  };
}

suite('secondaries', { skip: missing ?? false }, () => {
  test(`Knot and NSD with a key follow ${CHANGES_PER_SECOND} changes a second, and queries are answered meanwhile`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-transfer-'));
    const [knotPort, nsdPort] = [await freePort(), await freePort()];
    await using pharos = await primary([knotPort, nsdPort], KEY);
    const random = new Random(1995);
    const change = (): void => {
      const key = `shop/svc-${random.below(SERVICES)}`;
      const { imports, slices } = objectsOf({ [key]: aService(random) });
      for (const object of imports) {
        if (random.once(5)) pharos.zone.removeImport(object);
        else pharos.zone.setImport(object);
      }
      for (const slice of slices) pharos.zone.setSlice(slice);
    };
    for (let n = 0; n < 3 * SERVICES; n++) change();
    const running: Daemon[] = [];
    try {
      for (const [name, start, port] of [
        ['knot', secondaries.knot, knotPort],
        ['nsd', secondaries.nsd, nsdPort],
      ] as const) {
        const own = join(dir, name);
        await mkdir(own);
        const daemon = await start(own, pharos.port, port);
        running.push(daemon);
        await until(`first transfer to ${name}`, 60_000, async () => {
          if (!daemon.running) throw new Error(daemon.tail());
          return (await axfr(port)).length > 10 ? true : undefined;
        });
      }
      const end = performance.now() + SECONDS * 1000;
      let due = performance.now();
      for (let n = 0; performance.now() < end; n++) {
        change();
        if (n % 10 === 0) await ask({ address: '127.0.0.1', port: pharos.port }, Z, 'NS', 30_000);
        due += 1000 / CHANGES_PER_SECOND;
        await sleep(Math.max(0, due - performance.now()));
      }
      for (const [zone, port] of [Z, REVERSE].flatMap((each) =>
        [knotPort, nsdPort].map((at) => [each, at] as const),
      )) {
        const wanted = await axfr(pharos.port, zone, KEY);
        assert.ok(wanted.length > (zone === Z ? 50 : 10), wanted.join('\n'));
        let seen: string[] = [];
        await until(`zone ${zone} on port ${port} to be the same`, 60_000, async () => {
          seen = await axfr(port, zone);
          return seen.join() === wanted.join() ? true : undefined;
        }).catch((cause: unknown) => {
          assert.deepEqual(seen, wanted, String(cause));
        });
      }
      const { counts } = pharos.transfers;
      assert.ok(counts.steps > SECONDS, `transfers: ${JSON.stringify(counts)}`);
    } finally {
      for (const daemon of running) await daemon.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  test('with a key the zone is for who signs, and it is told what is wrong (RFC 8945, 5.2)', async () => {
    await using pharos = await primary([], KEY);
    const { imports, slices } = objectsOf({ 'shop/one': { from: { west: { ips: ['10.7.7.7'] } } } });
    for (const slice of slices) pharos.zone.setSlice(slice);
    for (const object of imports) pharos.zone.setImport(object);
    const dig = async (...args: string[]): Promise<string> =>
      (await command('dig', ['@127.0.0.1', '-p', String(pharos.port), Z, ...args])).stdout;
    const other = Buffer.alloc(32, 9).toString('base64');
    assert.match(await dig('AXFR', '-y', KEY), /^one\.shop\.svc\.clusterset\.local\..*10\.7\.7\.7$/m);
    assert.match(await dig('AXFR'), /Transfer failed/);
    assert.match(await dig('SOA', '-y', KEY), /status: NOERROR[^]*TSIG.*NOERROR/);
    assert.match(await dig('SOA', '-y', `hmac-sha256:stranger:${SECRET}`), /status: NOTAUTH[^]*BADKEY/);
    assert.match(await dig('SOA', '-y', `hmac-sha512:pharos:${SECRET}`), /status: NOTAUTH[^]*BADKEY/);
    assert.match(await dig('SOA', '-y', `hmac-sha256:pharos:${other}`), /status: NOTAUTH[^]*BADSIG/);
    assert.match(await dig('AXFR', '-y', `hmac-sha256:pharos:${other}`), /Transfer failed|NOTAUTH/);
    const steps = await command('kdig', [
      ...['@127.0.0.1', '-p', String(pharos.port), '-y', KEY, Z, `IXFR=${(pharos.zone.serial - 1) >>> 0}`],
    ]);
    assert.match(steps.stdout, /^one\.shop\.svc\.clusterset\.local\..*10\.7\.7\.7$/m);
    assert.doesNotMatch(steps.stdout + steps.stderr, /WARNING|verification/);
  });

  test('kdig gets the whole and the steps, others are refused', async () => {
    await using pharos = await primary([]);
    const { imports, slices } = objectsOf({
      'shop/big': {
        type: 'Headless',
        from: {
          west: {
            endpoints: Array.from({ length: 3000 }, (_, n) => `10.8.${n >> 8}.${n & 255} host=h-${n}`),
          },
        },
      },
    });
    for (const slice of slices) pharos.zone.setSlice(slice);
    for (const object of imports) pharos.zone.setImport(object);
    const kdig = async (...args: string[]): Promise<string> =>
      Object.values(await command('kdig', ['@127.0.0.1', '-p', String(pharos.port), ...args])).join('\n');
    const whole = await kdig(Z, 'AXFR', '+nocrypto');
    assert.match(whole, /^h-2999\.west\.big\.shop\.svc\.clusterset\.local\.\s+5\s+IN\s+A\s+10\.8\.11\.183$/m);
    assert.match(whole, /Received \d+ B \((\d{2}) messages/);
    const before = pharos.zone.serial;
    for (const slice of objectsOf({ 'shop/one': { from: { west: { ips: ['10.7.7.7'] } } } }).slices)
      pharos.zone.setSlice(slice);
    for (const object of objectsOf({ 'shop/one': { from: { west: { ips: ['10.7.7.7'] } } } }).imports)
      pharos.zone.setImport(object);
    const steps = await kdig(Z, `IXFR=${before}`);
    assert.match(steps, /^one\.shop\.svc\.clusterset\.local\.\s+5\s+IN\s+A\s+10\.7\.7\.7$/m);
    assert.doesNotMatch(steps, /h-2999/);
    assert.match(await kdig(Z, `IXFR=${(before + 100) >>> 0}`), /;; Received .*1 messages, 1 records/);
    assert.match(await kdig('example.com', 'AXFR'), /NOTAUTH|server replied with error 'NOTAUTH'/);
    const { stdout } = await command('dig', [
      '@127.0.0.1',
      '-p',
      String(pharos.port),
      '-b',
      '127.0.0.2',
      Z,
      'AXFR',
    ]);
    assert.match(stdout, /Transfer failed/);
  });
});
