import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { isIP, type AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import {
  array,
  assert as assertLaw,
  constantFrom,
  domain,
  ipV4,
  ipV6,
  oneof,
  property,
  string,
} from 'fast-check';
import { Authority } from '../../lab/x509.ts';

const authority = new Authority('west-ca');
const issued = (user: string, groups: string[] = [], hosts: string[] = []): X509Certificate =>
  new X509Certificate(authority.issue({ user, groups }, hosts).certificate);

suite('certificates of the lab, as OpenSSL reads them', () => {
  test('are signed by their authority, which signs itself', () => {
    const ca = new X509Certificate(authority.certificate);
    assert.equal(ca.ca, true);
    assert.equal(ca.verify(ca.publicKey), true);
    const leaf = issued('admin');
    assert.equal(leaf.ca, false);
    assert.equal(leaf.checkIssued(ca), true);
    assert.equal(leaf.verify(ca.publicKey), true);
  });

  test('name the user as CN and each group as an O', () => {
    assert.equal(issued('admin', ['system:masters', 'ops']).subject, 'O=system:masters\nO=ops\nCN=admin');
  });

  test('carry the hosts of a server by name and by address', () => {
    const names = issued('server', [], ['kubernetes.default', '127.0.0.1', 'fd10:210::1:10', '::1']);
    assert.equal(names.checkHost('kubernetes.default'), 'kubernetes.default');
    assert.equal(names.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(names.checkIP('fd10:210::1:10'), 'fd10:210::1:10');
    assert.equal(names.checkIP('::1'), '::1');
    assert.equal(names.checkIP('127.0.0.2'), undefined);
  });

  test('are valid since yesterday, for years', () => {
    const { validFromDate, validToDate } = issued('admin');
    const now = Date.now();
    assert.ok(validFromDate.getTime() < now - 3_600_000);
    assert.ok(validToDate.getTime() > now + 1000 * 86_400_000);
  });

  test('are readable whatever the user and the hosts are', () => {
    assertLaw(
      property(
        string({ unit: constantFrom('a', 'Z', '7', ':', '-', '.', 'é'), minLength: 1, maxLength: 60 }),
        array(
          oneof(
            ipV4(),
            ipV6().filter((ip) => !ip.includes('.')),
            domain(),
          ),
          {
            maxLength: 12,
          },
        ),
        (user, hosts) => {
          const certificate = issued(user, [], hosts);
          assert.equal(certificate.toLegacyObject().subject.CN, user);
          for (const host of hosts) {
            assert.equal(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host), host);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('serve for TLS on both sides', async () => {
    const server = authority.issue({ user: 'server' }, ['localhost']);
    const client = authority.issue({ user: 'alice', groups: ['readers'] });
    const listener = createServer(
      { key: server.key, cert: server.certificate, ca: authority.certificate, requestCert: true },
      (socket) => socket.end(`${socket.authorized} ${String(socket.getPeerCertificate().subject.CN)}`),
    );
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    const socket = connect({
      host: '127.0.0.1',
      port: (listener.address() as AddressInfo).port,
      servername: 'localhost',
      ca: authority.certificate,
      key: client.key,
      cert: client.certificate,
    });
    const said: string[] = [];
    for await (const chunk of socket) said.push(String(chunk));
    assert.equal(said.join(''), 'true alice');
    listener.close();
  });
});
