import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Annotation, Label } from '../../../src/api/names.ts';
import type { ServiceImport } from '../../../src/api/objects.ts';
import { aggregate } from '../../../src/discovery/aggregate.ts';
import { type ExportRecord, parseRecord } from '../../../src/discovery/record.ts';
import { exportRecord, recordObject } from './objects.ts';

const parsed = (object: ServiceImport): ExportRecord => {
  const record = parseRecord(object);
  assert.ok(!('rejected' in record), JSON.stringify(record));
  return record;
};
const rejection = (object: ServiceImport): string => {
  const record = parseRecord(object);
  assert.ok('rejected' in record, 'accepted');
  return record.rejected;
};
const relabelled = (label: string, value: string | undefined): ServiceImport => {
  const object = recordObject('west');
  const { [label]: _old, ...labels } = object.metadata.labels ?? {};
  return {
    ...object,
    metadata: { ...object.metadata, labels: value === undefined ? labels : { ...labels, [label]: value } },
  };
};

describe('a record', () => {
  it('says all that the export said', () => {
    const spec = {
      type: 'Headless',
      ports: [{ name: 'mysql', protocol: 'TCP', appProtocol: 'example.com/mysql', port: 3306 }],
      ips: [],
      ipFamilies: ['IPv6', 'IPv4'],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    };
    const object = recordObject('west', spec, {
      [Annotation.weight]: '3',
      [Annotation.policy]: 'weighted',
      [Annotation.toClusters]: 'east',
      [Annotation.exportedLabels]: '{"team":"payments"}',
      [Annotation.exportedAnnotations]: '{"example.com/note":"hi"}',
    });
    assert.deepEqual(parsed(object), {
      cluster: 'west',
      namespace: 'shop',
      service: 'web',
      created: Date.UTC(2026, 0, 1),
      ...spec,
      weight: 3,
      policy: 'weighted',
      toClusters: ['east'],
      exportedLabels: { team: 'payments' },
      exportedAnnotations: { 'example.com/note': 'hi' },
    });
  });

  it('says little where the export said little', () => {
    assert.deepEqual(parsed(recordObject('west')), exportRecord('west', { ipFamilies: [] }));
  });

  it('without a creation time, or with one that is none, counts as the youngest', () => {
    for (const created of ['', 'yesterday', '2026-13-01T00:00:00Z']) {
      const object = recordObject('west', {}, { [Annotation.exportCreated]: created });
      assert.equal(parsed(object).created, Number.POSITIVE_INFINITY, created);
    }
  });

  it('with exported labels that no API server takes has the others', () => {
    const object = recordObject(
      'west',
      {},
      { [Annotation.exportedLabels]: '{"team":"payments","bad value":"x","pharos.io/managed-by":"me"}' },
    );
    assert.deepEqual(parsed(object).exportedLabels, { team: 'payments' });
  });

  for (const text of ['{', '[]', 'null', '{"team":1}', '"x"', '']) {
    it(`with exported labels that are no map of texts (${text}) has none`, () => {
      assert.deepEqual(
        parsed(recordObject('west', {}, { [Annotation.exportedLabels]: text })).exportedLabels,
        {},
      );
    });
  }
});

const port = { name: 'http', port: 80 };
const REJECTED: Readonly<Record<string, readonly [object: ServiceImport, why: RegExp]>> = {
  'without a label that says whose it is': [
    relabelled(Label.sourceNamespace, undefined),
    /labels do not say whose record it is/,
  ],
  'of a cluster whose id is no DNS label': [
    relabelled(Label.sourceCluster, 'a.b'),
    /its cluster label is "a\.b", must be a DNS label/,
  ],
  'under the name of another cluster': [
    relabelled(Label.sourceCluster, 'east'),
    /its labels ask for the name web\.shop\.east/,
  ],
  'of an unknown type': [recordObject('west', { type: 'External' }), /spec\.type is "External"/],
  'without a spec': [{ ...recordObject('west'), spec: undefined } as never, /spec is missing/],
  'with a port of an unknown protocol': [
    recordObject('west', { ports: [{ ...port, protocol: 'ICMP' }] }),
    /spec\.ports\[0\]\.protocol is "ICMP"/,
  ],
  'with port 0': [recordObject('west', { ports: [{ port: 0 }] }), /spec\.ports\[0\]\.port is 0/],
  'with port 65536': [recordObject('west', { ports: [{ port: 65_536 }] }), /spec\.ports\[0\]\.port is 65536/],
  'with a port whose name is no label': [
    recordObject('west', { ports: [{ ...port, name: 'My Port' }] }),
    /spec\.ports\[0\]\.name is "My Port"/,
  ],
  'with more ports than a Service could have': [
    recordObject('west', { ports: Array.from({ length: 1001 }, (_, at) => ({ port: at + 1 })) }),
    /spec\.ports has 1001 entries, must have at most 1000/,
  ],
  'with text without end': [
    recordObject('west', { ports: [{ ...port, appProtocol: 'x'.repeat(254) }] }),
    /spec\.ports\[0\]\.appProtocol has 254 characters, must have at most 253/,
  ],
  'with text without end elsewhere': [
    recordObject('west', { trafficDistribution: 'x'.repeat(254) }),
    /spec\.trafficDistribution has 254 characters, must have at most 253/,
  ],
  'with an address that is none': [recordObject('west', { ips: ['10.0.0'] }), /spec\.ips\[0\] is "10\.0\.0"/],
  'with three addresses': [recordObject('west', { ips: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] }), /spec\.ips/],
  'with the loopback address': [
    recordObject('west', { ips: ['127.0.0.1'] }),
    /spec\.ips: no other cluster can send to 127\.0\.0\.1/,
  ],
  "with the address of a cloud's metadata": [
    recordObject('west', { ips: ['169.254.169.254'] }),
    /spec\.ips: no other cluster can send to 169\.254\.169\.254/,
  ],
  'with an unknown family': [
    recordObject('west', { ipFamilies: ['IPv5'] }),
    /spec\.ipFamilies\[0\] is "IPv5"/,
  ],
  'with session affinity for longer than Kubernetes allows': [
    recordObject('west', { sessionAffinityConfig: { clientIP: { timeoutSeconds: 1e9 } } }),
    /timeoutSeconds/,
  ],
};

describe('a record is rejected', () => {
  for (const [name, [object, why]] of Object.entries(REJECTED)) {
    it(name, () => assert.match(rejection(object), why));
  }

  it('in words that stay short, however long what it says is', () => {
    const object = recordObject('west', {
      ports: Array.from({ length: 1000 }, () => ({ port: 'x'.repeat(10_000) })),
    });
    assert.ok(rejection(object).length < 2000);
  });
});

/** Like a record in places, so that a parser gets further than its first check. */
const hostileSpec = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      type: fc.oneof(fc.constantFrom('ClusterSetIP', 'Headless'), fc.jsonValue()),
      ports: fc.oneof(
        fc.array(fc.record({ port: fc.oneof(fc.nat(70_000), fc.jsonValue()) })),
        fc.jsonValue(),
      ),
      ips: fc.oneof(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), fc.jsonValue()),
      ipFamilies: fc.jsonValue(),
      sessionAffinityConfig: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
);

it('no record at all makes parsing or merging throw', () => {
  const texts = fc.dictionary(
    fc.constantFrom(...Object.values(Annotation)),
    fc.oneof(fc.string(), fc.json()),
  );
  fc.assert(
    fc.property(hostileSpec, texts, fc.dictionary(fc.string(), fc.string()), (spec, annotations, labels) => {
      const object = recordObject('west', {}, annotations);
      const hostile = {
        ...object,
        metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
        spec,
      } as ServiceImport;
      const record = parseRecord(hostile);
      if ('rejected' in record) assert.notEqual(record.rejected, '');
      else assert.equal(aggregate([exportRecord('east'), record])?.merged.length === 0, false);
    }),
  );
});
