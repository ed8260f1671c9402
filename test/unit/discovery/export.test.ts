import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Annotation, Label } from '../../../src/api/names.ts';
import type { EndpointSlice, KubeObject, Service, ServiceExport } from '../../../src/api/objects.ts';
import { validateEndpointSlice, validateServiceImport } from '../../../src/api/validate.ts';
import {
  type EndpointsMode,
  type Exported,
  type ExportRecords,
  exportService,
} from '../../../src/discovery/export.ts';
import { parseRecord } from '../../../src/discovery/record.ts';
import { readRecordSlice } from '../../../src/discovery/record-slice.ts';
import { endpoint, headless, service, serviceExport, slice } from './objects.ts';

interface Given {
  readonly serviceExport?: ServiceExport;
  readonly service?: Service;
  readonly slices?: readonly EndpointSlice[];
  readonly endpoints?: EndpointsMode;
}

const exportOf = (given: Given): Exported =>
  exportService({
    cluster: parseClusterId('west'),
    brokerNamespace: 'pharos-broker',
    endpoints: given.endpoints ?? 'service',
    serviceExport: given.serviceExport,
    service: given.service,
    slices: given.slices ?? [],
  });
const recordsOf = (given: Given): ExportRecords => {
  const exported = exportOf({ serviceExport: serviceExport('web'), ...given });
  assert.ok(exported.is === 'valid', exported.is);
  return exported.records;
};
const deleted = <T extends KubeObject>(object: T): T => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
});
const noPods = { conditions: { ready: false } };

const VERDICTS: Readonly<Record<string, readonly [given: Given, verdict: string]>> = {
  'a ClusterIP Service': [{ serviceExport: serviceExport('web'), service: service('web') }, 'valid'],
  'a headless Service': [{ serviceExport: serviceExport('web'), service: headless('web') }, 'valid'],
  'a LoadBalancer Service': [
    { serviceExport: serviceExport('web'), service: service('web', { type: 'LoadBalancer' }) },
    'valid',
  ],
  'no Service': [{ serviceExport: serviceExport('web') }, 'NoService'],
  'a Service that is being deleted': [
    { serviceExport: serviceExport('web'), service: deleted(service('web')) },
    'NoService',
  ],
  'an ExternalName Service': [
    { serviceExport: serviceExport('web'), service: service('web', { type: 'ExternalName' }) },
    'InvalidServiceType',
  ],
  'a Service, but is itself being deleted': [
    { serviceExport: deleted(serviceExport('web')), service: service('web') },
    'not-exported',
  ],
};

describe('a ServiceExport that names', () => {
  for (const [name, [given, verdict]] of Object.entries(VERDICTS)) {
    it(`${name} is ${verdict}`, () => {
      const exported = exportOf(given);
      assert.equal(exported.is === 'invalid' ? exported.reason : exported.is, verdict);
    });
  }

  it('a Service, which nobody exports, is not one', () => {
    assert.equal(exportOf({ service: service('web') }).is, 'not-exported');
  });
});

describe('the record of an export', () => {
  it('says all that the other clusters have to know', () => {
    const { serviceImport } = recordsOf({
      serviceExport: {
        ...serviceExport(
          'web',
          { [Annotation.weight]: '5', [Annotation.policy]: 'local', [Annotation.toClusters]: 'east, north' },
          { exportedLabels: { team: 'payments' }, exportedAnnotations: { note: 'hi' } },
        ),
        metadata: {
          ...serviceExport('web', {
            [Annotation.weight]: '5',
            [Annotation.policy]: 'local',
            [Annotation.toClusters]: 'east, north',
          }).metadata,
          creationTimestamp: '2026-02-03T04:05:06Z',
        },
      },
      service: service('web', {
        clusterIPs: ['10.0.0.7', 'fd00::7'],
        ipFamilies: ['IPv4', 'IPv6'],
        ports: [
          { name: 'http', port: 80, appProtocol: 'http' },
          { name: 'dns', protocol: 'UDP', port: 53 },
        ],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
        internalTrafficPolicy: 'Cluster',
        trafficDistribution: 'PreferClose',
      }),
    });
    assert.deepEqual(serviceImport, {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: {
        name: 'web.shop.west',
        namespace: 'pharos-broker',
        labels: {
          [Label.sourceCluster]: 'west',
          [Label.serviceName]: 'web',
          [Label.sourceNamespace]: 'shop',
          [Label.importManagedBy]: 'pharos.io',
        },
        annotations: {
          [Annotation.exportCreated]: '2026-02-03T04:05:06Z',
          [Annotation.weight]: '5',
          [Annotation.policy]: 'local',
          [Annotation.toClusters]: 'east,north',
          [Annotation.exportedLabels]: '{"team":"payments"}',
          [Annotation.exportedAnnotations]: '{"note":"hi"}',
        },
      },
      spec: {
        type: 'ClusterSetIP',
        ports: [
          { name: 'http', protocol: 'TCP', appProtocol: 'http', port: 80 },
          { name: 'dns', protocol: 'UDP', port: 53 },
        ],
        ips: ['10.0.0.7', 'fd00::7'],
        ipFamilies: ['IPv4', 'IPv6'],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
        internalTrafficPolicy: 'Cluster',
        trafficDistribution: 'PreferClose',
      },
    });
  });

  it('of a headless Service has no address', () => {
    const { spec } = recordsOf({ service: headless('web', { ipFamilies: ['IPv6'] }) }).serviceImport;
    assert.deepEqual([spec.type, spec.ips, spec.ipFamilies], ['Headless', [], ['IPv6']]);
  });

  it('is one that the other clusters accept', () => {
    const given = { service: service('web'), slices: [slice('web', 'web-a', [endpoint('10.1.0.1')])] };
    for (const endpoints of ['service', 'pods'] as const) {
      const { serviceImport, slices } = recordsOf({ ...given, endpoints });
      assert.equal(validateServiceImport(serviceImport).ok, true);
      assert.ok(!('rejected' in parseRecord(serviceImport)));
      for (const each of slices) {
        assert.equal(validateEndpointSlice(each).ok, true);
        assert.deepEqual(readRecordSlice(each).refused, []);
      }
    }
  });

  it('leaves out what makes no sense, and the message says so', () => {
    const exported = exportOf({
      serviceExport: serviceExport(
        'web',
        { [Annotation.weight]: 'many' },
        { exportedLabels: { 'bad key': 'x', team: 'a' }, exportedAnnotations: { 'pharos.io/x': 'y' } },
      ),
      service: service('web'),
    });
    assert.ok(exported.is === 'valid');
    assert.equal(
      exported.message,
      'Service "web" can be exported; ' +
        'annotation pharos.io/weight is "many", must be an integer from 0 to 1000: ignored; ' +
        'exportedLabels: "bad key" is not a name that Kubernetes takes: ignored; ' +
        'exportedAnnotations: "pharos.io/x" is reserved: ignored',
    );
    const { annotations } = exported.records.serviceImport.metadata;
    assert.equal(annotations?.[Annotation.weight], '1');
    assert.equal(annotations?.[Annotation.exportedLabels], '{"team":"a"}');
    assert.equal(annotations?.[Annotation.exportedAnnotations], undefined);
  });
});

/** What the slices say, one line each: `ipv4: 10.0.0.7 ready, http TCP 80`. */
const linesOf = ({ slices }: ExportRecords): string[] =>
  slices.map(({ metadata, endpoints, ports }) => {
    const suffix = metadata.name.replace('web.shop.west.', '').replace(/^[0-9a-f]{10}/, 'mirror');
    const hosts = endpoints.map(({ addresses, conditions }) =>
      [...addresses, conditions?.ready === true ? 'ready' : 'not ready'].join(' '),
    );
    return [
      `${suffix}: ${hosts.join(' & ')}`,
      ...ports.map(({ name, protocol, port }) => `${name} ${protocol} ${port}`),
    ].join(', ');
  });

const dual = service('web', { clusterIPs: ['10.0.0.7', 'fd00::7'], ipFamilies: ['IPv4', 'IPv6'] });
const SLICES: Readonly<Record<string, readonly [given: Given, lines: string[]]>> = {
  'a ClusterIP Service: the Service IP, ready while a pod is': [
    {
      service: service('web'),
      slices: [slice('web', 'web-a', [endpoint('10.1.0.1', noPods), endpoint('10.1.0.2')])],
    },
    ['ipv4: 10.0.0.7 ready, http TCP 80'],
  ],
  'a ClusterIP Service of which no pod is ready: the Service IP, not ready': [
    { service: service('web'), slices: [slice('web', 'web-a', [endpoint('10.1.0.1', noPods)])] },
    ['ipv4: 10.0.0.7 not ready, http TCP 80'],
  ],
  'a ClusterIP Service without pods: the Service IP, not ready': [
    { service: service('web') },
    ['ipv4: 10.0.0.7 not ready, http TCP 80'],
  ],
  'pods whose readiness nobody states: ready': [
    { service: service('web'), slices: [slice('web', 'web-a', [{ addresses: ['10.1.0.1'] }])] },
    ['ipv4: 10.0.0.7 ready, http TCP 80'],
  ],
  'a Service that publishes pods before they are ready: ready': [
    {
      service: service('web', { publishNotReadyAddresses: true }),
      slices: [slice('web', 'web-a', [endpoint('10.1.0.1', noPods)])],
    },
    ['ipv4: 10.0.0.7 ready, http TCP 80'],
  ],
  'a dual-stack Service: a slice per family, each ready by its own pods': [
    { service: dual, slices: [slice('web', 'web-6', [endpoint('fd00::1')], 'IPv6')] },
    ['ipv4: 10.0.0.7 not ready, http TCP 80', 'ipv6: fd00::7 ready, http TCP 80'],
  ],
  'a port without a name: one whose name is empty, as in the slices of Kubernetes': [
    { service: service('web', { ports: [{ port: 80 }] }) },
    ['ipv4: 10.0.0.7 not ready,  TCP 80'],
  ],
  'a headless Service: its pods': [
    {
      service: headless('web'),
      slices: [slice('web', 'web-a', [endpoint('10.1.0.1'), endpoint('10.1.0.2', noPods)])],
    },
    ['mirror: 10.1.0.1 ready & 10.1.0.2 not ready, http TCP 8080'],
  ],
  'a ClusterIP Service with --endpoints=pods: its pods': [
    { service: service('web'), slices: [slice('web', 'web-a', [endpoint('10.1.0.1')])], endpoints: 'pods' },
    ['mirror: 10.1.0.1 ready, http TCP 8080'],
  ],
};

describe('the endpoints of', () => {
  for (const [name, [given, lines]] of Object.entries(SLICES)) {
    it(name, () => assert.deepEqual(linesOf(recordsOf(given)), lines));
  }

  it('any record are labelled as that, and as ours', () => {
    for (const { metadata } of recordsOf({ service: service('web') }).slices) {
      assert.deepEqual(metadata.labels, {
        [Label.sourceCluster]: 'west',
        [Label.serviceName]: 'web',
        [Label.sourceNamespace]: 'shop',
        [Label.importManagedBy]: 'pharos.io',
        [Label.managedBy]: 'pharos.io',
      });
      assert.equal(metadata.namespace, 'pharos-broker');
    }
  });
});
