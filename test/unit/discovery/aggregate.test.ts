import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { ServicePort } from '../../../src/api/objects.ts';
import { aggregate, type View } from '../../../src/discovery/aggregate.ts';
import { conflictText } from '../../../src/discovery/conflict.ts';
import type { ExportRecord } from '../../../src/discovery/record.ts';
import { records } from './arbitraries.ts';
import { exportRecord } from './objects.ts';

/** Who exported first has the lower number. */
const at = (created: number, cluster: string, more: Partial<ExportRecord> = {}): ExportRecord =>
  exportRecord(cluster, { created, ...more });
const http: ServicePort = { name: 'http', protocol: 'TCP', port: 80 };
const https: ServicePort = { name: 'https', protocol: 'TCP', port: 443 };

interface Row {
  readonly records: readonly ExportRecord[];
  readonly view?: Partial<View['spec']>;
  readonly clusters?: readonly string[];
  readonly conflicts?: readonly string[];
}

const told = ({ conflicts }: View): string[] =>
  conflicts.map((conflict) => `${conflict.reason}: ${conflictText(conflict)}`);

const ROWS: Readonly<Record<string, Row>> = {
  'one export is the view': {
    records: [
      at(1, 'west', {
        type: 'Headless',
        ports: [http, https],
        ipFamilies: ['IPv6', 'IPv4'],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
        internalTrafficPolicy: 'Local',
        trafficDistribution: 'PreferClose',
      }),
    ],
    view: {
      type: 'Headless',
      ports: [http, https],
      ipFamilies: ['IPv6', 'IPv4'],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    },
  },
  'equal exports do not conflict': { records: [at(1, 'west'), at(2, 'east')], clusters: ['west', 'east'] },
  'the oldest export comes first': {
    records: [at(2, 'east'), at(3, 'north'), at(1, 'west')],
    clusters: ['west', 'east', 'north'],
  },
  'of two exports of one moment the first is that of the cluster that sorts first': {
    records: [at(1, 'west'), at(1, 'east')],
    clusters: ['east', 'west'],
  },
  'an export that does not say its age is the youngest': {
    records: [at(Number.POSITIVE_INFINITY, 'east'), at(5, 'west')],
    clusters: ['west', 'east'],
  },
  'who is of another type than the oldest is not merged in': {
    records: [
      at(1, 'west', { type: 'Headless', ips: [] }),
      at(2, 'east', { ports: [https] }),
      at(3, 'north', { type: 'Headless', ips: [] }),
    ],
    view: { type: 'Headless', ports: [http] },
    clusters: ['west', 'north'],
    conflicts: [
      'TypeConflict: type: kept "Headless" of north, west (the oldest export), dropped "ClusterSetIP" of east',
    ],
  },
  'ports are united': {
    records: [at(1, 'west'), at(2, 'east', { ports: [http, https] })],
    view: { ports: [http, https] },
  },
  'one name for two numbers is the older one’s': {
    records: [at(1, 'west'), at(2, 'east', { ports: [{ ...http, port: 8080 }] })],
    view: { ports: [http] },
    conflicts: [
      'PortConflict: port http: kept "http TCP 80" of west (the oldest export), dropped "http TCP 8080" of east',
    ],
  },
  'one name for two protocols is the older one’s': {
    records: [at(1, 'west'), at(2, 'east', { ports: [{ ...http, protocol: 'UDP' }] })],
    view: { ports: [http] },
    conflicts: [
      'PortConflict: port http: kept "http TCP 80" of west (the oldest export), dropped "http UDP 80" of east',
    ],
  },
  'one number under two names is the older one’s': {
    records: [at(1, 'west'), at(2, 'east', { ports: [{ ...http, name: 'web' }] })],
    view: { ports: [http] },
    conflicts: [
      'PortConflict: port http: kept "http TCP 80" of west (the oldest export), dropped "web TCP 80" of east',
    ],
  },
  'one number of two protocols is two ports': {
    records: [
      at(1, 'west', { ports: [{ name: 'dns', protocol: 'UDP', port: 53 }] }),
      at(2, 'east', { ports: [{ name: 'dns-tcp', protocol: 'TCP', port: 53 }] }),
    ],
    view: {
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53 },
      ],
    },
  },
  'one port of two application protocols is the older one’s': {
    records: [at(1, 'west'), at(2, 'east', { ports: [{ ...http, appProtocol: 'h2c' }] })],
    view: { ports: [http] },
    conflicts: [
      'PortConflict: port http: kept "http TCP 80" of west (the oldest export), dropped "http TCP 80 h2c" of east',
    ],
  },
  'ports without names conflict where their numbers differ': {
    records: [
      at(1, 'west', { ports: [{ protocol: 'TCP', port: 80 }] }),
      at(2, 'east', { ports: [{ protocol: 'TCP', port: 81 }] }),
    ],
    view: { ports: [{ protocol: 'TCP', port: 80 }] },
    conflicts: [
      'PortConflict: port TCP 80: kept "TCP 80" of west (the oldest export), dropped "TCP 81" of east',
    ],
  },
  'a port between two stools conflicts with both': {
    records: [at(1, 'west', { ports: [http, https] }), at(2, 'east', { ports: [{ ...http, port: 443 }] })],
    view: { ports: [http, https] },
    conflicts: [
      'PortConflict: port http: kept "http TCP 80" of west (the oldest export), dropped "http TCP 443" of east',
      'PortConflict: port https: kept "https TCP 443" of west (the oldest export), dropped "http TCP 443" of east',
    ],
  },
  'who kept and who lost is said of all clusters': {
    records: [
      at(1, 'west'),
      at(2, 'east', { ports: [{ ...http, port: 8080 }] }),
      at(3, 'north'),
      at(4, 'south', { ports: [{ ...http, port: 8080 }] }),
    ],
    conflicts: [
      'PortConflict: port http: kept "http TCP 80" of north, west (the oldest export), ' +
        'dropped "http TCP 8080" of east, south',
    ],
  },
  'session affinity is the oldest’s': {
    records: [at(1, 'west', { sessionAffinity: 'ClientIP' }), at(2, 'east')],
    view: { sessionAffinity: 'ClientIP' },
    conflicts: [
      'SessionAffinityConflict: sessionAffinity: kept "ClientIP" of west (the oldest export), dropped "None" of east',
    ],
  },
  'its configuration, too': {
    records: [
      at(1, 'west', { sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }),
      at(2, 'east', { sessionAffinityConfig: { clientIP: { timeoutSeconds: 90 } } }),
    ],
    view: { sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    conflicts: [
      'SessionAffinityConfigConflict: sessionAffinityConfig: kept "{"clientIP":{"timeoutSeconds":60}}" of west ' +
        '(the oldest export), dropped "{"clientIP":{"timeoutSeconds":90}}" of east',
    ],
  },
  'the internal traffic policy, too': {
    records: [at(1, 'west'), at(2, 'east', { internalTrafficPolicy: 'Local' })],
    conflicts: [
      'InternalTrafficPolicyConflict: internalTrafficPolicy: kept "Cluster" of west (the oldest export), ' +
        'dropped "Local" of east',
    ],
  },
  'an internal traffic policy that is the default conflicts with none': {
    records: [at(1, 'west'), at(2, 'east', { internalTrafficPolicy: 'Cluster' })],
  },
  'the traffic distribution, too': {
    records: [at(1, 'west', { trafficDistribution: 'PreferClose' }), at(2, 'east')],
    view: { trafficDistribution: 'PreferClose' },
    conflicts: [
      'TrafficDistributionConflict: trafficDistribution: kept "PreferClose" of west (the oldest export), ' +
        'dropped "none" of east',
    ],
  },
  'IP families, too': {
    records: [at(1, 'west'), at(2, 'east', { ipFamilies: ['IPv4', 'IPv6'] })],
    view: { ipFamilies: ['IPv4'] },
    conflicts: [
      'IPFamilyConflict: ipFamilies: kept "IPv4" of west (the oldest export), dropped "IPv4, IPv6" of east',
    ],
  },
  'IP families in another order are the same': {
    records: [
      at(1, 'west', { ipFamilies: ['IPv6', 'IPv4'] }),
      at(2, 'east', { ipFamilies: ['IPv4', 'IPv6'] }),
    ],
    view: { ipFamilies: ['IPv6', 'IPv4'] },
  },
  'labels in another order are the same': {
    records: [
      at(1, 'west', { exportedLabels: { a: '1', b: '2' } }),
      at(2, 'east', { exportedLabels: { b: '2', a: '1' } }),
    ],
  },
  'labels and annotations are the oldest’s, whole': {
    records: [
      at(1, 'west', { exportedLabels: { a: '1' }, exportedAnnotations: { x: '1' } }),
      at(2, 'east', { exportedLabels: { b: '2' }, exportedAnnotations: {} }),
    ],
    conflicts: [
      'LabelsConflict: exportedLabels: kept "{"a":"1"}" of west (the oldest export), dropped "{"b":"2"}" of east',
      'AnnotationsConflict: exportedAnnotations: kept "{"x":"1"}" of west (the oldest export), dropped "{}" of east',
    ],
  },
  'who is not merged in for its type conflicts in nothing else': {
    records: [
      at(1, 'west'),
      at(2, 'east', { type: 'Headless', ports: [https], sessionAffinity: 'ClientIP' }),
    ],
    clusters: ['west'],
    conflicts: [
      'TypeConflict: type: kept "ClusterSetIP" of west (the oldest export), dropped "Headless" of east',
    ],
  },
  'all conflicts are told, in an order that is always the same': {
    records: [
      at(1, 'west'),
      at(2, 'east', { ports: [{ ...http, port: 81 }], ipFamilies: ['IPv6'], sessionAffinity: 'ClientIP' }),
      at(3, 'north', { type: 'Headless' }),
    ],
    conflicts: [
      'TypeConflict: type: kept "ClusterSetIP" of east, west (the oldest export), dropped "Headless" of north',
      'PortConflict: port http: kept "http TCP 80" of west (the oldest export), dropped "http TCP 81" of east',
      'IPFamilyConflict: ipFamilies: kept "IPv4" of west (the oldest export), dropped "IPv6" of east',
      'SessionAffinityConflict: sessionAffinity: kept "None" of west (the oldest export), dropped "ClientIP" of east',
    ],
  },
};

describe("the clusterset's view of a service", () => {
  it('is none where nobody exports it', () => assert.equal(aggregate([]), undefined));

  for (const [name, { records: given, view, clusters, conflicts = [] }] of Object.entries(ROWS)) {
    it(name, () => {
      const actual = aggregate(given) ?? assert.fail('no view');
      assert.partialDeepStrictEqual(actual.spec, view ?? {});
      if (clusters !== undefined)
        assert.deepEqual(
          actual.merged.map(({ cluster }) => cluster),
          clusters,
        );
      assert.deepEqual(told(actual), conflicts);
    });
  }

  it("has the oldest export's labels, annotations and policy", () => {
    const view = aggregate([
      at(2, 'east', { exportedLabels: { a: '2' }, exportedAnnotations: { x: '2' }, policy: 'all' }),
      at(1, 'west', { exportedLabels: { a: '1' }, exportedAnnotations: { x: '1' }, policy: 'local' }),
    ]);
    assert.deepEqual([view?.labels, view?.annotations, view?.policy], [{ a: '1' }, { x: '1' }, 'local']);
  });

  it('of a thousand ports from each of ten clusters that all conflict is found in a moment', () => {
    const given = Array.from({ length: 10 }, (_, index) =>
      at(index, `c${index}`, {
        ports: Array.from({ length: 1000 }, (_, number) => ({
          name: `p${(number + index) % 1000}`,
          protocol: 'TCP' as const,
          port: number + 1,
        })),
      }),
    );
    const begin = process.cpuUsage().user;
    assert.equal(aggregate(given)?.spec.ports.length, 1000);
    assert.ok(process.cpuUsage().user - begin < 1_000_000, 'more than a second');
  });
});

describe('whatever is exported, the view', () => {
  it('is the same for every order of the records', () => {
    fc.assert(
      fc.property(
        records.chain((given) =>
          fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length })),
        ),
        ([given, shuffled]) => assert.deepEqual(aggregate(shuffled), aggregate(given)),
      ),
    );
  });

  it('is the same when records are there twice', () => {
    fc.assert(
      fc.property(records, (given) => assert.deepEqual(aggregate([...given, ...given]), aggregate(given))),
    );
  });

  it('is the same when it is exported again by those who are merged in', () => {
    fc.assert(
      fc.property(records, (given) => {
        const view = aggregate(given);
        if (view === undefined) return;
        const again = aggregate(
          view.merged.map(({ cluster, created }) =>
            at(created, cluster, {
              ...(view.spec as Partial<ExportRecord>),
              exportedLabels: view.labels,
              exportedAnnotations: view.annotations,
            }),
          ),
        );
        assert.deepEqual(again?.spec, view.spec);
        assert.deepEqual(again?.conflicts, []);
      }),
    );
  });

  it('has ports that fit into one Service, each exported by somebody', () => {
    fc.assert(
      fc.property(records, (given) => {
        const view = aggregate(given);
        const ports = view?.spec.ports ?? [];
        const claimed = (view?.merged ?? []).flatMap((record) => record.ports);
        assert.equal(new Set(ports.map(({ name }) => name)).size, ports.length);
        assert.equal(new Set(ports.map(({ protocol, port }) => `${protocol} ${port}`)).size, ports.length);
        assert.ok(ports.every((port) => claimed.includes(port)));
      }),
    );
  });

  it('tells each conflict with a winner, with losers, and no cluster on both sides of a field of one value', () => {
    fc.assert(
      fc.property(records, (given) => {
        for (const { field, kept, dropped } of aggregate(given)?.conflicts ?? []) {
          assert.ok(kept.clusters.length > 0 && dropped.length > 0);
          assert.ok(dropped.every(({ clusters, value }) => clusters.length > 0 && value !== kept.value));
          if (field.startsWith('port ')) continue;
          const sides = [kept, ...dropped].flatMap(({ clusters }) => clusters);
          assert.equal(new Set(sides).size, sides.length);
        }
      }),
    );
  });
});
