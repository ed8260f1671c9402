import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { readCorefiles } from '../../../src/membership/read-corefiles.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MAIN = '.:53 {\n}\n';
const IMPORTING = `${MAIN}import /etc/coredns/custom/*.server\n`;
const custom = { 'mine.server': 'example.org {\n}\n', 'mine.override': 'log\n' };

const rows: Readonly<
  Record<string, { maps: Record<string, Record<string, string>>; clusterDns: string[]; nodeLocal?: string[] }>
> = {
  'what the Corefile imports comes after it': {
    maps: { coredns: { Corefile: IMPORTING, NodeHosts: '' }, 'coredns-custom': custom },
    clusterDns: ['ConfigMap kube-system/coredns', 'ConfigMap kube-system/coredns-custom, mine.server'],
  },
  'what it does not import is not read, whatever stands there': {
    maps: { coredns: { Corefile: MAIN }, 'coredns-custom': custom },
    clusterDns: ['ConfigMap kube-system/coredns'],
  },
  'NodeLocal DNSCache has its own': {
    maps: { 'node-local-dns': { Corefile: MAIN } },
    clusterDns: [],
    nodeLocal: ['ConfigMap kube-system/node-local-dns'],
  },
  'a map without a Corefile is none': {
    maps: { coredns: { other: MAIN }, 'coredns-custom': custom },
    clusterDns: [],
  },
};
for (const [what, { maps, clusterDns, nodeLocal = [] }] of Object.entries(rows)) {
  test(what, async () => {
    const store = new MemoryStore({ location: 'west', clock: new FakeClock() });
    for (const [name, data] of Object.entries(maps)) {
      const metadata = { name, namespace: 'kube-system' };
      await store.apply(Kinds.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    }
    const found = await readCorefiles(store);
    assert.deepEqual(
      [found.clusterDns, found.nodeLocal].map((files) => files.map(({ where }) => where)),
      [clusterDns, nodeLocal],
    );
  });
}
