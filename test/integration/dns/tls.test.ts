import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { FrameReader } from '../../../src/dns/frames.ts';
import { command } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { Authority } from '../../lab/x509.ts';
import { runCli } from '../../support/cli-process.ts';
import { startPharos } from '../../support/pharos.ts';
import { framed } from '../../unit/dns/support/clients.ts';
import { query, read } from '../../unit/dns/support/messages.ts';

const example = join(import.meta.dirname, '../../../examples/clusters/east');
const HOST = 'dns.pharos.test';

async function open(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, servername: HOST });
  await once(socket, 'secureConnect');
  return socket;
}

async function rcodeOver(socket: TLSSocket): Promise<number> {
  const frames = new FrameReader();
  socket.write(framed(query({ name: 'clusterset.local', type: 6 })));
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    frames.push(chunk);
    const message = frames.next();
    if (message !== undefined) return read(message).rcode;
  }
}

test(
  'kdig asks over TLS; a new certificate is for new connections, and the old ones go on',
  { skip: (await requirePackages(['knot-dnsutils'])) ?? false },
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pharos-tls-'));
    const [cert, key, ca] = [join(dir, 'tls.crt'), join(dir, 'tls.key'), join(dir, 'ca.crt')];
    const authority = new Authority('pharos-test');
    const put = async (hosts: string[]): Promise<void> => {
      const identity = authority.issue({ user: HOST }, hosts);
      await writeFile(key, identity.key);
      await writeFile(cert, identity.certificate);
    };
    await put([HOST]);
    await writeFile(ca, authority.certificate);
    const [port, tlsPort] = [await freePort(), await freePort()];
    try {
      await using server = await startPharos(
        'dns',
        ...['--store', `directory:${example}`, '--cluster-id', 'east', '--listen', `127.0.0.1:${port}`],
        ...['--tls-cert', cert, '--tls-key', key, '--tls-listen', `127.0.0.1:${tlsPort}`],
      );
      await server.ready(120_000);
      const kdig = async (host: string): Promise<string> => {
        const at = ['@127.0.0.1', '-p', String(tlsPort), '+tls', `+tls-ca=${ca}`, `+tls-hostname=${host}`];
        const { stdout, stderr } = await command('kdig', [...at, '+padding', 'clusterset.local', 'SOA']);
        return `${stdout}${stderr}`;
      };
      const said = await kdig(HOST);
      assert.match(said, /status: NOERROR/);
      assert.match(said, /TLS session \(TLS1\.3\)/);
      assert.match(said, /PADDING/);
      assert.match(said, /Received 468 B/);
      assert.doesNotMatch(await kdig('other.pharos.test'), /status: NOERROR/);

      const old = await open(tlsPort);
      assert.equal(await rcodeOver(old), 0);
      await put([HOST, 'renewed.pharos.test']);
      await until('the new certificate', 60_000, async () => {
        const fresh = await open(tlsPort);
        const names = fresh.getPeerCertificate().subjectaltname ?? '';
        fresh.destroy();
        return names.includes('renewed.pharos.test') ? true : undefined;
      });
      assert.equal(await rcodeOver(old), 0, 'the connection from before');
      old.destroy();

      await writeFile(key, 'not a key');
      await until('the complaint', 60_000, () =>
        Promise.resolve(server.log().includes('the old one stays in force') ? true : undefined),
      );
      const fresh = await open(tlsPort);
      assert.equal(await rcodeOver(fresh), 0);
      fresh.destroy();
      // A handshake that is never finished keeps nobody from ending.
      const half = connect({ port: tlsPort, host: '127.0.0.1', rejectUnauthorized: false });
      half.on('error', () => {});
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
);

test('a certificate without its key, and one that is none, are told', async () => {
  const common = ['dns', '--store', `directory:${example}`, '--cluster-id', 'east'];
  const alone = await runCli([...common, '--tls-cert', 'x.pem']);
  assert.equal(alone.status, 1);
  assert.match(alone.stderr, /TLS needs both --tls-cert and --tls-key/);
  const none = await runCli([...common, '--tls-cert', '/nonexistent.pem', '--tls-key', '/nonexistent.key']);
  assert.equal(none.status, 1);
  assert.match(
    none.stderr,
    /Cannot use \/nonexistent\.pem with \/nonexistent\.key \(--tls-cert, --tls-key\): ENOENT/,
  );
});
