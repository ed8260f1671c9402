/** What stands between Pharos and programs: C libraries, validating and caching resolvers. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { startDnsServer } from '../../../src/dns/server.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { ensureBinaries } from '../../lab/binaries.ts';
import { command, must } from '../../lab/command.ts';
import { startCoreDns } from '../../lab/coredns.ts';
import { requirePackages } from '../../lab/packages.ts';
import { freePort } from '../../lab/ports.ts';
import { Daemon } from '../../lab/processes.ts';
import { GivenUp, until } from '../../lab/wait.ts';
import { zoneOf } from '../../unit/zone/driver.ts';

const WEB = 'web.shop.svc.clusterset.local';
const MANY = 'many.shop.svc.clusterset.local';
const many = Array.from({ length: 200 }, (_, n) => `10.9.0.${n + 1}`);
const zone = zoneOf({
  'shop/web': { ports: ['http 80/TCP'], from: { west: { ips: ['10.1.0.1', 'fd01::1'] } } },
  'shop/many': { type: 'Headless', from: { west: { endpoints: many } } },
});

/** kubernetes/kubernetes, cluster/addons/dns/nodelocaldns: the block of a cluster domain, without node addresses. */
const nodeLocal = (port: number): string => `clusterset.local {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind 127.0.0.1
    forward . 127.0.0.1:${port} {
            force_tcp
    }
}
`;

const start = (address: string, port: number) =>
  startDnsServer({ source: zone, listen: [{ address, port }], log: silentLog });

/** Prints the addresses of a name, one a line, or the error. */
const LOOKUP = `
#include <stdio.h>
#include <string.h>
#include <netdb.h>
#include <arpa/inet.h>
int main(int argc, char **argv) {
  struct addrinfo hints, *found;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  int error = argc < 2 ? EAI_FAIL : getaddrinfo(argv[1], NULL, &hints, &found);
  if (error) { printf("%s\\n", error == EAI_NONAME ? "none" : gai_strerror(error)); return 0; }
  for (; found; found = found->ai_next) {
    char text[64];
    void *at = found->ai_family == AF_INET
      ? (void *)&((struct sockaddr_in *)found->ai_addr)->sin_addr
      : (void *)&((struct sockaddr_in6 *)found->ai_addr)->sin6_addr;
    puts(inet_ntop(found->ai_family, at, text, sizeof text));
  }
}
`;

const GONE = 'gone.shop.svc.clusterset.local';
const HTTP = `_http._tcp.${WEB}`;
const support = join(import.meta.dirname, 'support');

/** A command with a resolv.conf of its own. @returns what it printed, line by line */
async function withResolvConf(file: string, words: readonly string[]): Promise<string[]> {
  const inside = 'mount --bind "$0" /etc/resolv.conf; exec "$@"';
  return (await must('unshare', ['--mount', 'sh', '-ec', inside, file, ...words])).trim().split('\n');
}

const missing = await requirePackages([
  ...(['gcc', 'musl-tools', 'unbound', 'ldnsutils', 'dnsutils'] as const),
  ...(['knot-resolver', 'default-jdk-headless'] as const),
]);
const asRoot = process.getuid?.() === 0;

suite('resolvers', { skip: missing ?? false }, () => {
  for (const [library, compiler] of [
    ['glibc', 'cc'],
    ['musl', 'musl-gcc'],
  ] as const) {
    test(
      `${library} finds addresses of both families, hundreds of them, and knows what does not exist`,
      { skip: asRoot ? false : 'a resolv.conf of its own, and port 53, need root' },
      async () => {
        const dir = await mkdtemp(join(tmpdir(), 'pharos-libc-'));
        // An address of its own, since port 53 may be taken on others.
        const address = library === 'glibc' ? '127.53.0.1' : '127.53.0.2';
        await using _server = await start(address, 53);
        try {
          const [source, program] = [join(dir, 'lookup.c'), join(dir, 'lookup')];
          await writeFile(source, LOOKUP);
          await writeFile(join(dir, 'resolv.conf'), `nameserver ${address}\noptions timeout:30\n`);
          const built = await command(compiler, ['-o', program, source]);
          assert.equal(built.code, 0, built.stderr);
          const find = async (name: string): Promise<string[]> => {
            return (await withResolvConf(join(dir, 'resolv.conf'), [program, name])).sort();
          };
          assert.deepEqual(await find(WEB), ['10.1.0.1', 'fd01::1']);
          const found = await find(MANY);
          // musl asks over UDP alone in its older versions, and takes what fits.
          if (library === 'glibc') assert.deepEqual(found, many.toSorted());
          assert.deepEqual(await find(GONE), ['none']);
        } finally {
          await rm(dir, { recursive: true, force: true });
        }
      },
    );
  }

  test('unbound answers a stub zone from it, NXDOMAIN and large sets included', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-unbound-'));
    await using server = await start('127.0.0.1', 0);
    const port = await freePort();
    await writeFile(
      join(dir, 'unbound.conf'),
      `server:
  interface: 127.0.0.1@${port}
  username: ""
  chroot: ""
  directory: "${dir}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "local." nodefault
  qname-minimisation: yes
  harden-below-nxdomain: yes
remote-control:
  control-enable: no
stub-zone:
  name: clusterset.local
  stub-addr: 127.0.0.1@${server.addresses[0]?.port}
`,
    );
    const unbound = new Daemon('unbound', ['-d', '-c', join(dir, 'unbound.conf')], 'unbound', {
      lab: 'resolvers',
      logFile: join(dir, 'log'),
    });
    try {
      const dig = async (...args: string[]): Promise<string> =>
        (await command('dig', ['@127.0.0.1', '-p', String(port), '+time=20', ...args])).stdout;
      await until('unbound', 60_000, async () => {
        const said = await dig('+tries=1', '+time=2', WEB);
        return said.includes('status: NOERROR') ? true : undefined;
      });
      assert.match(await dig(WEB), /IN\s+A\s+10\.1\.0\.1$/m);
      assert.match(await dig('gone.shop.svc.clusterset.local'), /status: NXDOMAIN/);
      assert.match(await dig(WEB, 'TXT'), /status: NOERROR.*\n.*ANSWER: 0/);
      const { stdout } = await command('drill', ['-t', '-p', String(port), '@127.0.0.1', MANY]);
      assert.match(stdout, /ANSWER: 200/);
    } finally {
      await unbound.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  test("Go's resolver finds addresses and ports, and knows what does not exist", async () => {
    await using server = await start('127.0.0.1', 0);
    const at = `127.0.0.1:${server.addresses[0]?.port}`;
    const env = { ...process.env, CGO_ENABLED: '0' };
    const words = ['run', join(support, 'lookup.go'), at, `${WEB}.`, `${HTTP}.`, `${GONE}.`];
    const found = (await must('go', words, { env })).trim().split('\n');
    assert.deepEqual(found, ['gone true', 'host 10.1.0.1', 'host fd01::1', `srv 0 100 80 ${WEB}.`]);
  });

  test(
    "Java finds them by the host's resolver, and by its own DNS client",
    { skip: asRoot ? false : 'a resolv.conf of its own, and port 53, need root' },
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'pharos-java-'));
      await using _server = await start('127.53.0.3', 53);
      try {
        const file = join(dir, 'resolv.conf');
        await writeFile(file, 'nameserver 127.53.0.3\noptions timeout:30\n');
        const words = ['java', join(support, 'Lookup.java'), '127.53.0.3', WEB, HTTP, GONE];
        assert.deepEqual(await withResolvConf(file, words), [
          'A 10.1.0.1',
          'AAAA fd01::1',
          `SRV 0 100 80 ${WEB}.`,
          'gone dns',
          'gone host',
          'host 10.1.0.1',
          'host fd01:0:0:0:0:0:0:1',
        ]);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },
  );

  test('Knot Resolver answers a stub zone from it, NXDOMAIN and large sets included', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-kresd-'));
    await using server = await start('127.0.0.1', 0);
    const port = await freePort();
    await writeFile(
      join(dir, 'kresd.conf'),
      `net.listen('127.0.0.1', ${port}, { kind = 'dns' })
cache.open(10 * MB, 'lmdb://${dir}')
trust_anchors.remove('.')
local zone = policy.todnames({'clusterset.local.'})
policy.add(policy.suffix(policy.STUB({'127.0.0.1@${server.addresses[0]?.port}'}), zone))
`,
    );
    const kresd = new Daemon('kresd', ['-n', '-c', join(dir, 'kresd.conf'), dir], 'kresd', {
      lab: 'resolvers',
      logFile: join(dir, 'log'),
    });
    try {
      const dig = async (...args: string[]): Promise<string> =>
        (await command('dig', ['@127.0.0.1', '-p', String(port), '+time=20', ...args])).stdout;
      await until('Knot Resolver', 60_000, async () => {
        if (!kresd.running) throw new GivenUp(`it has ended:\n${kresd.tail()}`);
        const said = await dig('+tries=1', '+time=2', WEB);
        if (said.includes('status: NOERROR')) return true;
        throw new Error(`${said}\n${kresd.tail()}`);
      });
      assert.match(await dig(WEB), /IN\s+A\s+10\.1\.0\.1$/m);
      assert.match(await dig(HTTP, 'SRV'), /IN\s+SRV\s+0 100 80 web\./);
      assert.match(await dig(GONE), /status: NXDOMAIN/);
      assert.match(await dig(WEB, 'TXT'), /status: NOERROR.*\n.*ANSWER: 0/);
      assert.match(await dig('+tcp', MANY), /ANSWER: 200/);
    } finally {
      await kresd.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  test("CoreDNS answers from it, in NodeLocal DNSCache's configuration", async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-nodelocal-'));
    await using server = await start('127.0.0.1', 0);
    const { coredns: binary } = await ensureBinaries(['coredns']);
    const coredns = await startCoreDns(nodeLocal(server.addresses[0]?.port ?? 0), {
      lab: 'resolvers',
      dir,
      binary,
    });
    try {
      const dig = async (...args: string[]): Promise<string> =>
        (await command('dig', ['@127.0.0.1', '-p', String(coredns.port), '+time=20', ...args])).stdout;
      // Twice: from Pharos, then from the cache.
      for (let time = 0; time < 2; time++) {
        assert.match(await dig(WEB), /IN\s+A\s+10\.1\.0\.1$/m);
        assert.match(await dig(WEB, 'AAAA'), /IN\s+AAAA\s+fd01::1$/m);
        assert.match(await dig(HTTP, 'SRV'), /IN\s+SRV\s+0 100 80 web\./);
        assert.match(await dig(GONE), /status: NXDOMAIN(.*\n)*.*IN\s+SOA/);
        assert.match(await dig(WEB, 'TXT'), /status: NOERROR.*\n.*ANSWER: 0/);
        assert.match(await dig('+noedns', '+ignore', MANY), /flags: [a-z ]*tc/);
        assert.match(await dig(MANY), /ANSWER: 200/);
      }
    } finally {
      await coredns.stop();
      await rm(dir, { recursive: true, force: true });
    }
  });

  test('drill of ldns decodes the answers', async () => {
    await using server = await start('127.0.0.1', 0);
    const drill = async (...args: string[]): Promise<string> =>
      (await command('drill', ['-p', String(server.addresses[0]?.port), '@127.0.0.1', ...args])).stdout;
    assert.match(
      await drill(WEB, 'AAAA'),
      /^web\.shop\.svc\.clusterset\.local\.\s+5\s+IN\s+AAAA\s+fd01::1$/m,
    );
    assert.match(await drill('-t', MANY), /ANSWER: 200/);
    assert.match(await drill('gone.shop.svc.clusterset.local'), /rcode: NXDOMAIN/);
  });
});
