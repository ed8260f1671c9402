import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Annotation, Label } from '../../../src/api/names.ts';
import { validateEndpointSlice, validateServiceImport } from '../../../src/api/validate.ts';
import { aggregate } from '../../../src/discovery/aggregate.ts';
import { type ImportedObjects, importedObjects } from '../../../src/discovery/import.ts';
import { type ExportRecord, parseRecord } from '../../../src/discovery/record.ts';
import type { RecordSlice } from '../../../src/discovery/record-slice.ts';
import { exportRecord, recordObject } from './objects.ts';

const importOf = (records: readonly ExportRecord[], slices: readonly RecordSlice[] = []): ImportedObjects =>
  importedObjects('shop', 'web', aggregate(records) ?? assert.fail('nobody exports it'), slices);

const recordSlice = (cluster: string, suffix: string, more: Partial<RecordSlice> = {}): RecordSlice => ({
  cluster,
  namespace: 'shop',
  service: 'web',
  suffix,
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.7'], conditions: { ready: true } }],
  ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  ...more,
});

describe('the import of a service', () => {
  it('says all that others have to know', () => {
    const { serviceImport } = importOf([
      exportRecord('west', {
        created: 1,
        weight: 5,
        policy: 'local',
        sessionAffinity: 'ClientIP',
        exportedLabels: { team: 'a' },
        exportedAnnotations: { note: 'hi' },
      }),
      exportRecord('east', { created: 2, ips: ['10.2.0.7', 'fd00::7'], policy: 'all' }),
    ]);
    assert.deepEqual(serviceImport, {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: {
        name: 'web',
        namespace: 'shop',
        labels: { team: 'a', [Label.importManagedBy]: 'pharos.io' },
        annotations: {
          note: 'hi',
          [Annotation.exports]:
            '[{"cluster":"east","ips":["10.2.0.7","fd00::7"],"weight":1},' +
            '{"cluster":"west","ips":["10.0.0.7"],"weight":5}]',
          [Annotation.policy]: 'local',
        },
      },
      spec: {
        type: 'ClusterSetIP',
        ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
        ips: [],
        ipFamilies: ['IPv4'],
        sessionAffinity: 'ClientIP',
      },
      status: { endpointSliceObjects: 'Present', clusters: [{ cluster: 'east' }, { cluster: 'west' }] },
    });
    assert.equal(validateServiceImport(serviceImport).ok, true);
  });

  it('has no policy where the oldest export has none', () => {
    const { serviceImport } = importOf([
      exportRecord('west', { created: 1 }),
      exportRecord('east', { created: 2, policy: 'all' }),
    ]);
    assert.equal(serviceImport.metadata.annotations?.[Annotation.policy], undefined);
  });

  it('does not let an export pass for somebody else', () => {
    const labels = { [Label.importManagedBy]: 'me', [Label.managedBy]: 'me' };
    const annotations = { [Annotation.exports]: '[]', [Annotation.policy]: 'all' };
    const record = parseRecord(
      recordObject(
        'west',
        {},
        {
          [Annotation.exportedLabels]: JSON.stringify(labels),
          [Annotation.exportedAnnotations]: JSON.stringify(annotations),
        },
      ),
    );
    assert.ok(!('rejected' in record));
    const { metadata } = importOf([record]).serviceImport;
    assert.deepEqual(metadata.labels, { [Label.importManagedBy]: 'pharos.io' });
    assert.deepEqual(Object.keys(metadata.annotations ?? {}), [Annotation.exports]);
  });
});

describe('an imported slice', () => {
  it('says whose it is, and nothing to kube-proxy', () => {
    const [slice, ...more] = importOf([exportRecord('west')], [recordSlice('west', 'ipv4')]).slices;
    assert.deepEqual(more, []);
    assert.deepEqual(slice, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'web.west.ipv4',
        namespace: 'shop',
        labels: {
          'multicluster.kubernetes.io/service-name': 'web',
          'multicluster.kubernetes.io/source-cluster': 'west',
          'endpointslice.kubernetes.io/managed-by': 'pharos.io',
        },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.7'], conditions: { ready: true } }],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    });
    assert.equal(validateEndpointSlice(slice).ok, true);
  });

  const names = (records: readonly ExportRecord[], slices: readonly RecordSlice[]): string[] =>
    importOf(records, slices).slices.map(({ metadata }) => metadata.name);

  it('is there for each slice of each cluster that is merged in, and of no other', () => {
    assert.deepEqual(
      names(
        [
          exportRecord('west', { created: 1 }),
          exportRecord('east', { created: 2 }),
          exportRecord('north', { created: 3, type: 'Headless' }),
        ],
        ['west', 'east', 'north', 'south'].flatMap((id) => [
          recordSlice(id, 'ipv4'),
          recordSlice(id, 'ipv6', { addressType: 'IPv6' }),
        ]),
      ),
      ['web.west.ipv4', 'web.west.ipv6', 'web.east.ipv4', 'web.east.ipv6'],
    );
  });

  it('of a Service IP is none of a headless service', () => {
    assert.deepEqual(
      names(
        [exportRecord('west', { type: 'Headless' })],
        [recordSlice('west', 'ipv4'), recordSlice('west', '0123456789')],
      ),
      ['web.west.0123456789'],
    );
  });
});
