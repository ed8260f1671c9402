import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { Overview } from '../../../src/commands/playground/overview.ts';
import { showAll, showChanges } from '../../../src/commands/playground/show.ts';

const conflict = (winners: string): string =>
  `PortConflict: port http: http TCP 8080 (${winners}) counts, not http TCP 80 (north)`;

const whole: Overview = {
  clusters: [
    { id: 'east', dns: '127.0.0.1:5300', connected: true },
    { id: 'west', dns: '127.0.0.1:5301', connected: false },
  ],
  services: [
    {
      key: 'shop/web',
      type: 'ClusterSetIP',
      exporters: ['east', 'west (disconnected)'],
      conflicts: [conflict('west')],
      answers: ['10.1.2.3 in east', '10.1.2.4 in west'],
    },
  ],
  exports: ['ServiceExport shop/gone in west: NoService: there is no Service'],
  problems: ['west/a.yaml:3: spec.clusterIP is "10", must be an IP address or None'],
};
const empty: Overview = { clusters: [], services: [], exports: [], problems: [] };

test('everything is shown, with a line to copy', () => {
  const text = showAll(whole, { origin: 'clusterset.local.', url: 'http://127.0.0.1:8053/' });
  assert.equal(
    text,
    `CLUSTER   DNS SERVER       BROKER
east      127.0.0.1:5300   connected
west      127.0.0.1:5301   disconnected

SERVICE    TYPE           EXPORTED BY                 CONFLICT
shop/web   ClusterSetIP   east, west (disconnected)   PortConflict

Conflicts, where the oldest export counts:
  shop/web: PortConflict: port http: http TCP 8080 (west) counts, not http TCP 80 (north)

Exports that are not in force:
  ServiceExport shop/gone in west: NoService: there is no Service

Manifests to mend:
  west/a.yaml:3: spec.clusterIP is "10", must be an IP address or None

Ask:   dig @127.0.0.1 -p 5300 +noall +answer web.shop.svc.clusterset.local
List:  curl http://127.0.0.1:8053/
`,
  );
});

test('with nothing exported it says how to', () => {
  const text = showAll(empty, { origin: 'example.org.', url: 'http://[::1]:1/' });
  assert.match(text, /A ServiceExport with the name of a Service exports it/);
  assert.match(text, /SERVICE\.NAMESPACE\.svc\.example\.org\n/);
});

describe('changes are told in a line each', () => {
  const [web] = whole.services;
  assert.ok(web);
  const withService = (change: Partial<typeof web>): Overview => ({
    ...whole,
    services: [{ ...web, ...change }],
  });
  const rows: Record<string, { before: Overview; after: Overview; wants: string[] }> = {
    nothing: { before: whole, after: structuredClone(whole), wants: [] },
    'all of it': {
      before: empty,
      after: whole,
      wants: [
        'cluster east joined, DNS server 127.0.0.1:5300',
        'cluster west joined, DNS server 127.0.0.1:5301',
        'shop/web (ClusterSetIP) is exported by east, west (disconnected)',
        'shop/web answers 10.1.2.3 in east; 10.1.2.4 in west',
        `shop/web has a ${conflict('west')}`,
        'ServiceExport shop/gone in west: NoService: there is no Service',
        'mend west/a.yaml:3: spec.clusterIP is "10", must be an IP address or None',
      ],
    },
    'none of it any more': {
      before: whole,
      after: empty,
      wants: [
        'cluster east left',
        'cluster west left',
        'shop/web is not exported any more',
        'mended west/a.yaml:3: spec.clusterIP is "10", must be an IP address or None',
      ],
    },
    'other answers': {
      before: whole,
      after: withService({ answers: ['no address in east, west'] }),
      wants: ['shop/web answers no address in east, west'],
    },
    'a conflict that has another winner': {
      before: whole,
      after: withService({ conflicts: [conflict('west, south')] }),
      wants: [`shop/web has a ${conflict('west, south')}`],
    },
    'a conflict that is gone': {
      before: whole,
      after: withService({ conflicts: [] }),
      wants: ['shop/web no longer has a PortConflict: port http'],
    },
    'a connection that is back': {
      before: whole,
      after: { ...whole, clusters: whole.clusters.map((row) => ({ ...row, connected: true })) },
      wants: ['cluster west is connected'],
    },
  };
  for (const [sentence, { before, after, wants }] of Object.entries(rows)) {
    it(sentence, () => assert.deepEqual(showChanges(before, after), wants));
  }
});
