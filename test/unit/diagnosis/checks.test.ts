import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { FactValues } from '../../../src/diagnosis/facts.ts';
import { checks } from '../../../src/diagnosis/checks.ts';
import { withStub } from '../../../src/membership/corefile.ts';

const root = join(import.meta.dirname, '../../..');

/** As GitHub makes anchors of headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

test('every check leads to a heading of the documentation that exists', () => {
  const broken: string[] = [];
  for (const { id, docs } of checks) {
    const [page = '', anchor] = docs.split('#');
    if (globSync(page, { cwd: root }).length === 0) {
      broken.push(`${id}: there is no ${page}`);
      continue;
    }
    const headings = [...readFileSync(join(root, page), 'utf8').matchAll(/^#+ (.*)$/gm)];
    if (!headings.some(([, heading = '']) => anchorOf(heading) === anchor)) {
      broken.push(`${id}: ${page} has no heading #${anchor}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('ids are unique, and every text is a sentence', () => {
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
  for (const { id, proves, how, mend } of checks) {
    assert.match(id, /^(versions|broker|dns|tunnel|host)\.[a-z-]+$/);
    assert.match(proves, /[^.]$/, `${id}: proves goes on in a line of its own, without a full stop`);
    for (const text of [how, mend]) assert.match(text, /^\S.*[.`]$/, `${id}: ${text}`);
  }
});

suite('reverse names of pods of other clusters', () => {
  const peers = [
    ['east', '10.2.0.0/16'],
    ['north', '10.3.0.0/16'],
  ] as const;
  const verdictOf = (corefile: string, clusters: readonly (readonly [string, string])[] = peers) =>
    checks
      .find(({ id }) => id === 'dns.reverse')
      ?.decide(
        {
          corefiles: { clusterDns: [{ where: '', text: corefile }], nodeLocal: [] },
          peerClusters: clusters.map(([clusterId, cidr]) => ({ spec: { clusterId, podCIDRs: [cidr] } })),
        } as unknown as FactValues,
        { now: 0, version: '0.1.0', zone: 'clusterset.local' },
      );
  const stub = (...zones: readonly string[]): string =>
    withStub('.:53 {\n  kubernetes cluster.local in-addr.arpa ip6.arpa\n}\n', {
      zones,
      servers: ['10.96.0.53'],
    });

  test('that are all sent to Pharos are ok, also within a zone around theirs', () => {
    assert.deepEqual(verdictOf(stub('clusterset.local', '2.10.in-addr.arpa', '3.10.in-addr.arpa')), {
      is: 'ok',
    });
    assert.deepEqual(verdictOf('10.in-addr.arpa {\n forward . 10.96.0.53\n}\n'), { is: 'ok' });
  });

  test('of a cluster that joined later fail by its name, and the zones', () => {
    assert.deepEqual(verdictOf(stub('clusterset.local', '2.10.in-addr.arpa')), {
      is: 'failed',
      reasons: ['reverse names of pods of "north" are not sent to Pharos: 3.10.in-addr.arpa'],
    });
  });

  test('of which none are sent may be meant so: they are told', () => {
    const verdict = verdictOf(stub('clusterset.local'));
    assert.equal(verdict?.is, 'ok');
    assert.match(verdict.note ?? '', /"east".*2\.10\.in-addr\.arpa; .*"north".*join --configure-cluster-dns/);
  });

  test('are nothing to look at where no other cluster is known', () => {
    assert.equal(verdictOf(stub(), [])?.is, 'skipped');
  });
});

test('Kubernetes before 1.30 fails, in the member and on the broker; a version that is none is unknown', () => {
  for (const id of ['versions.member', 'versions.broker']) {
    const each = checks.find((check) => check.id === id);
    const verdict = (version: string): string | undefined =>
      each?.decide({ memberVersion: version, brokerVersion: version } as FactValues, {
        now: 0,
        version: '0.1.0',
        zone: 'clusterset.local',
      }).is;
    assert.deepEqual(
      ['v1.29.14', 'v1.30.0', 'v1.34.1+k3s1', 'v2.0.0', 'v0.99', 'strange'].map(verdict),
      ['failed', 'ok', 'ok', 'ok', 'failed', 'unknown'],
      id,
    );
  }
});
