import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type DnsServer, startDnsServer } from '../../../src/dns/server.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { RRType, type ResourceRecord } from '../../../src/zone/records.ts';
import { requirePackages } from '../../lab/packages.ts';
import { a, address, explained, FakeSource, records, soa, ZONE } from '../../unit/dns/support/fake-source.ts';

/** The server as tools that others wrote see it. */
const tools = {
  dig: { brought: 'dnsutils', common: ['+retry=0', '+time=5'] },
  kdig: { brought: 'knot-dnsutils', common: ['+retry=0', '+timeout=5'] },
} as const;

const held: readonly ResourceRecord[] = [
  a(`a.${ZONE}`, '192.0.2.1'),
  { type: 'AAAA', name: `a.${ZONE}`, ttl: 5, address: '2001:db8::1' },
  { type: 'SRV', name: `a.${ZONE}`, ttl: 5, priority: 0, weight: 50, port: 3306, target: `h.${ZONE}` },
  { type: 'TXT', name: `dns-version.${ZONE}`, ttl: 28_800, text: '1.0.0' },
  { type: 'HINFO', name: `any.${ZONE}`, ttl: 5, cpu: 'RFC8482', os: '' },
  { type: 'NS', name: ZONE, ttl: 5, target: `ns.dns.${ZONE}` },
  { type: 'PTR', name: '1.2.0.192.in-addr.arpa.', ttl: 5, target: `a.${ZONE}` },
  soa(1),
];

const source = new FakeSource((name, _asker, type) => {
  const count = Number(name.split('.')[0]);
  if (count >= 100) return records(Array.from({ length: count }, (_, n) => a(name, address(n))));
  const found = held.filter((record) => record.name === name && RRType[record.type] === type);
  if (found.length > 0) return records(found);
  if (name === `any.${ZONE}`) return records(held.filter((record) => record.name === name));
  if (name === 'example.com.')
    return { ...explained({ ede: { code: 20, text: 'not mine' } }), kind: 'refused' };
  return undefined;
});

const run = promisify(execFile);

/** What to ask, and what lines have to be in what the tool prints, with white space squeezed. */
const rows: Record<string, { ask: string[]; lines: RegExp[] }> = {
  'an address': {
    ask: ['a.clusterset.local', 'A'],
    lines: [/status: NOERROR/, /^a\.clusterset\.local\. 5 IN A 192\.0\.2\.1$/m],
  },
  'an IPv6 address': {
    ask: ['a.clusterset.local', 'AAAA'],
    lines: [/^a\.clusterset\.local\. 5 IN AAAA 2001:db8::1$/m],
  },
  'a service': { ask: ['a.clusterset.local', 'SRV'], lines: [/IN SRV 0 50 3306 h\.clusterset\.local\.$/m] },
  'the version of the specification': {
    ask: ['dns-version.clusterset.local', 'TXT'],
    lines: [/28800 IN TXT "1\.0\.0"$/m],
  },
  'host information instead of everything': {
    ask: ['any.clusterset.local', 'ANY'],
    lines: [/IN HINFO "RFC8482" ""$/m],
  },
  'the zone': {
    ask: ['clusterset.local', 'SOA'],
    lines: [/60 IN SOA ns\.dns\.clusterset\.local\. hostmaster\.clusterset\.local\. 1 7200 1800 86400 5$/m],
  },
  'the name server': { ask: ['clusterset.local', 'NS'], lines: [/IN NS ns\.dns\.clusterset\.local\.$/m] },
  'an address by its reverse name': { ask: ['-x', '192.0.2.1'], lines: [/IN PTR a\.clusterset\.local\.$/m] },
  'no such name, with OPT and the SOA of negative answers': {
    ask: ['nope.clusterset.local', 'A', '+edns'],
    lines: [/status: NXDOMAIN/, /udp: 1232|UDP size: 1232/, /^clusterset\.local\. 5 IN SOA /m],
  },
  'a refusal that says why': {
    ask: ['example.com', 'A', '+edns'],
    lines: [/status: REFUSED/, /EDE: 20 \(Not Authoritative\)/],
  },
  'thousands of addresses, by way of TCP': { ask: ['2000.clusterset.local', 'A'], lines: [/ANSWER: 2000/] },
  'over TCP': { ask: ['a.clusterset.local', 'A', '+tcp'], lines: [/IN A 192\.0\.2\.1$/m, /TCP/] },
  'with the DO bit': {
    ask: ['a.clusterset.local', 'A', '+dnssec'],
    lines: [/IN A 192\.0\.2\.1$/m, /flags: do/],
  },
  'class CH': { ask: ['-c', 'CH', '-t', 'TXT', 'version.bind'], lines: [/status: REFUSED/] },
};

/** Rows for options that one tool alone has. */
const digOnly: typeof rows = {
  'the name in the letters that were asked': {
    ask: ['A.ClusterSet.LOCAL', 'A'],
    lines: [/^;A\.ClusterSet\.LOCAL\. IN A$/m],
  },
  'a zone transfer': { ask: ['clusterset.local', 'AXFR'], lines: [/Transfer failed/] },
  'EDNS version 1': {
    ask: ['a.clusterset.local', '+edns=1', '+noednsnegotiation'],
    lines: [/status: BADVERS/],
  },
  'an unknown option and unknown flags': {
    ask: ['a.clusterset.local', '+ednsopt=100:aabb', '+ednsflags=0x40'],
    lines: [/status: NOERROR/, /flags:; udp: 1232/],
  },
  'another opcode': { ask: ['a.clusterset.local', '+opcode=15', '+header-only'], lines: [/status: NOTIMP/] },
  'several queries on one connection': {
    ask: ['+tcp', '+keepopen', 'a.clusterset.local', 'A', 'a.clusterset.local', 'AAAA'],
    lines: [/IN A 192\.0\.2\.1$/m, /IN AAAA 2001:db8::1$/m],
  },
};

const rowsFor = { dig: { ...rows, ...digOnly }, kdig: rows };

for (const tool of ['dig', 'kdig'] as const) {
  const { brought, common } = tools[tool];
  const missing = await requirePackages([brought]);
  test(`${tool} understands`, { skip: missing ?? false }, async (t) => {
    await using server: DnsServer = await startDnsServer({
      source,
      listen: [{ address: '127.0.0.1', port: 0 }],
      log: silentLog,
    });
    const at = ['@127.0.0.1', '-p', String(server.addresses[0]?.port)];
    for (const [what, { ask, lines }] of Object.entries(rowsFor[tool])) {
      await t.test(what, async () => {
        const { stdout } = await run(tool, [...at, ...common, ...ask]).catch(
          (error: { stdout: string }) => error,
        );
        const squeezed = stdout.replaceAll(/[ \t]+/g, ' ');
        for (const line of lines) assert.match(squeezed, line);
      });
    }
  });
}
