import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cachesOnTheWay } from '../../../src/explain/caches.ts';
import { withStub } from '../../../src/membership/corefile.ts';

const MAIN = `.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       ttl 30
    }
    forward . /etc/resolv.conf
    cache 30 {
       disable success cluster.local
    }
    reload
}
`;
const keptBy = (corefile: string, ttl: number | undefined = 5) => {
  const caches = cachesOnTheWay(
    [{ at: 'cluster-dns', name: 'ConfigMap kube-system/coredns', corefile }],
    'clusterset.local.',
    ttl,
  );
  const last = caches.at(-1);
  return [last?.at, last?.keepsSeconds, last?.text.replace('ConfigMap kube-system/coredns ', '')];
};

const rows: Readonly<Record<string, readonly [string, ReturnType<typeof keptBy>]>> = {
  'without a block the zone goes astray': [
    MAIN,
    [
      'cluster-dns',
      undefined,
      'has no block for clusterset.local.: it sends the question where it sends everything else, and Pharos is not asked (docs/how-to/configure-cluster-dns.md)',
    ],
  ],
  'the stub that pharos join writes keeps nothing': [
    withStub(MAIN, { zones: ['clusterset.local'], servers: ['10.96.0.53'] }),
    ['cluster-dns', 0, 'keeps nothing, and asks 10.96.0.53'],
  ],
  'a cache keeps it no longer than its time to live': [
    `${MAIN}clusterset.local {\n  cache 30\n  forward . 10.96.0.53\n}`,
    ['cluster-dns', 5, 'may keep it for 5 s (cache), and asks 10.96.0.53'],
  ],
  'nor longer than the cache may': [
    `clusterset.local:53 {\n  cache 2\n  forward . 10.96.0.53:5353\n}\n${MAIN}`,
    ['cluster-dns', 2, 'may keep it for 2 s (cache), and asks 10.96.0.53:5353'],
  ],
  'stale answers are told': [
    `clusterset.local {\n  cache {\n    serve_stale 10m\n  }\n  forward . 10.96.0.53\n}`,
    [
      'cluster-dns',
      5,
      'may keep it for 5 s (cache), and for 10m more while it gets no answer, and asks 10.96.0.53',
    ],
  ],
};
for (const [what, [corefile, kept]] of Object.entries(rows)) {
  it(what, () => assert.deepEqual(keptBy(corefile), kept));
}

it('the plugin keeps what a server vouches for, and says for how long without one', () => {
  const [at, seconds, text] = keptBy('clusterset.local {\n pharos dns.pharos-system {\n  stale 10m\n }\n}');
  assert.deepEqual([at, seconds], ['shim', 0]);
  assert.match(String(text), /while no server is left, for 10m$/);
});
