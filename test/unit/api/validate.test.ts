import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  type Validation,
  validateCluster,
  validateEndpointSlice,
  validateGateway,
  validateNamespace,
  validateService,
  validateServiceExport,
  validateServiceImport,
  validateTunnelEndpoint,
} from '../../../src/api/validate.ts';

type Json = { [field: string]: unknown };

const namespace: Json = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const service: Json = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'mysql',
    namespace: 'shop',
    uid: 'f1d2',
    resourceVersion: '12',
    creationTimestamp: '2026-01-31T12:00:00Z',
    labels: { app: 'mysql' },
  },
  spec: {
    type: 'ClusterIP',
    clusterIP: '10.0.0.10',
    clusterIPs: ['10.0.0.10', 'fd00::a'],
    ipFamilies: ['IPv4', 'IPv6'],
    ports: [{ name: 'sql', protocol: 'TCP', appProtocol: 'mysql', port: 3306 }],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    internalTrafficPolicy: 'Cluster',
    trafficDistribution: 'PreferClose',
    publishNotReadyAddresses: true,
  },
};
const slice: Json = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'mysql-abc12', namespace: 'shop' },
  addressType: 'IPv4',
  endpoints: [
    {
      addresses: ['10.1.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      hostname: 'mysql-0',
      nodeName: 'node-1',
      zone: 'a',
      targetRef: { kind: 'Pod', name: 'mysql-0', namespace: 'shop' },
    },
  ],
  ports: [{ name: 'sql', protocol: 'TCP', port: 3306 }],
};
const serviceExport: Json = {
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: { name: 'mysql', namespace: 'shop', annotations: { 'pharos.io/weight': '3' } },
  spec: { exportedLabels: { a: '1' }, exportedAnnotations: { b: '2' } },
  status: {
    conditions: [
      {
        type: 'Valid',
        status: 'True',
        reason: 'Valid',
        message: '',
        lastTransitionTime: '2026-01-31T12:00:00Z',
        observedGeneration: 1,
      },
    ],
  },
};
const serviceImport: Json = {
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceImport',
  metadata: { name: 'mysql.shop.west', namespace: 'pharos-broker' },
  spec: { type: 'ClusterSetIP', ports: [{ name: 'sql', protocol: 'TCP', port: 3306 }], ips: ['10.0.0.10'] },
  status: { clusters: [{ cluster: 'west' }] },
};
const gateway: Json = {
  apiVersion: 'pharos.io/v1alpha1',
  kind: 'Gateway',
  metadata: { name: 'node-1.example', namespace: 'pharos-system' },
  status: {
    connections: [{ cluster: 'east', state: 'connected', reason: 'probe', since: '2026-01-31T12:00:00Z' }],
  },
};
const clusterRecord: Json = {
  apiVersion: 'pharos.io/v1alpha1',
  kind: 'Cluster',
  metadata: { name: 'east', namespace: 'pharos-broker' },
  spec: {
    clusterId: 'east',
    podCIDRs: ['10.2.0.0/16', 'fd00:2::/48'],
    serviceCIDRs: ['10.102.0.0/16'],
    clustersetCIDRs: ['243.0.0.0/8'],
    version: '0.1.0',
  },
};
const endpointRecord: Json = {
  apiVersion: 'pharos.io/v1alpha1',
  kind: 'Endpoint',
  metadata: { name: 'east.node-1.example', namespace: 'pharos-broker' },
  spec: {
    clusterId: 'east',
    gateway: 'node-1.example',
    driver: 'ipsec',
    privateIP: '192.0.2.1',
    publicIP: '203.0.113.1',
    port: 4500,
    publicKeys: ['MCowBQYDK2VwAyEA/ws='],
    nat: true,
    mtu: 1400,
    leaseEpoch: 3,
    preferred: true,
    heartbeat: '2026-01-31T12:00:00Z',
  },
};

/** A copy of `object` with the value at `path` replaced; undefined removes it. */
function change(object: Json, path: string, value: unknown): Json {
  const copy = structuredClone(object);
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const parent = steps.reduce<Json>((at, step) => at[step] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

const endpoints = (count: number, address: string): Json[] =>
  Array.from({ length: count }, () => ({ addresses: [address] }));

const kinds: readonly (readonly [string, (value: unknown) => Validation<unknown>, Json])[] = [
  ['Namespace', validateNamespace, namespace],
  ['Service', validateService, service],
  ['EndpointSlice', validateEndpointSlice, slice],
  ['ServiceExport', validateServiceExport, serviceExport],
  ['ServiceImport', validateServiceImport, serviceImport],
  ['Gateway', validateGateway, gateway],
  ['Cluster', validateCluster, clusterRecord],
  ['Endpoint', validateTunnelEndpoint, endpointRecord],
];

describe('validation', () => {
  for (const [name, validate, sound] of kinds) {
    it(`lets a sound ${name} through unchanged, as a copy`, () => {
      const result = validate(sound);
      assert.deepEqual(result, { ok: true, object: sound });
      assert.notEqual(result.ok && result.object, sound);
    });

    it(`drops from a ${name} what no field is for`, () => {
      const more = { ...sound, extra: 1, metadata: { ...(sound['metadata'] as Json), managedFields: [{}] } };
      assert.deepEqual(validate(more), { ok: true, object: sound });
    });

    it(`takes null for absent in a ${name}, and "" where Kubernetes writes that`, () => {
      const gaps = change(change(sound, 'metadata.deletionTimestamp', null), 'metadata.uid', '');
      const { uid: _uid, ...metadata } = sound['metadata'] as Json;
      assert.deepEqual(validate(gaps), { ok: true, object: { ...sound, metadata } });
    });
  }

  it('lets a headless Service and one without an address yet through', () => {
    assert.equal(validateService(change(service, 'spec.clusterIP', 'None')).ok, true);
    const pending = validateService(change(service, 'spec.clusterIP', ''));
    assert.equal(pending.ok && 'clusterIP' in pending.object.spec, false);
  });

  it('gives an EndpointSlice lists where the API server wrote null', () => {
    const result = validateEndpointSlice({ ...slice, endpoints: null, ports: null });
    assert.deepEqual(result.ok && [result.object.endpoints, result.object.ports], [[], []]);
  });

  it('gives each defaulted list an identity of its own', () => {
    const [a, b] = [
      validateEndpointSlice({ ...slice, ports: null }),
      validateEndpointSlice({ ...slice, ports: null }),
    ];
    assert.ok(a.ok && b.ok);
    assert.notEqual(a.object.ports, b.object.ports);
  });

  for (const [name, validate, sound, path] of [
    ['a Service', validateService, service, 'spec.ports.0.protocol'],
    ['an EndpointSlice', validateEndpointSlice, slice, 'ports.0.protocol'],
    ['a ServiceImport', validateServiceImport, serviceImport, 'spec.ports.0.protocol'],
  ] as const) {
    it(`takes a port of ${name} without protocol for TCP`, () => {
      assert.deepEqual(validate(change(sound, path, undefined)), { ok: true, object: sound });
    });
  }

  it('keeps a label named __proto__ a label', () => {
    const labels: unknown = JSON.parse('{"__proto__":"x"}');
    const result = validateNamespace(change(namespace, 'metadata.labels', labels));
    assert.deepEqual(result.ok && Object.entries(result.object.metadata.labels ?? {}), [['__proto__', 'x']]);
  });

  const label = 'a DNS label: 1 to 63 of a-z, 0-9 and "-", not "-" at either end';
  const rows: readonly (readonly [string, (value: unknown) => Validation<unknown>, unknown, string])[] = [
    ['a value that is no object', validateService, 'x', 'the object is "x", must be an object'],
    ['nothing', validateService, null, 'the object is missing, must be an object'],
    ['a list', validateEndpointSlice, [], 'the object is a list, must be an object'],
    ['another kind', validateService, change(service, 'kind', 'Secret'), 'kind is "Secret", must be Service'],
    [
      'another version',
      validateEndpointSlice,
      change(slice, 'apiVersion', 'discovery.k8s.io/v1beta1'),
      'apiVersion is "discovery.k8s.io/v1beta1", must be discovery.k8s.io/v1',
    ],
    [
      'a Service without a name',
      validateService,
      change(service, 'metadata.name', undefined),
      `metadata.name is missing, must be ${label}`,
    ],
    [
      'a Service with dots in its name',
      validateService,
      change(service, 'metadata.name', 'my.sql'),
      `metadata.name is "my.sql", must be ${label}`,
    ],
    [
      'a namespaced object without a namespace',
      validateServiceExport,
      change(serviceExport, 'metadata.namespace', undefined),
      `metadata.namespace is missing, must be ${label}`,
    ],
    [
      'an address that is none',
      validateService,
      change(service, 'spec.clusterIP', '10.0.0'),
      'spec.clusterIP is "10.0.0", must be an IP address or None',
    ],
    [
      'an address with leading zeros',
      validateServiceImport,
      change(serviceImport, 'spec.ips', ['010.0.0.1']),
      'spec.ips[0] is "010.0.0.1", must be an IP address',
    ],
    [
      'an address of the other family',
      validateEndpointSlice,
      change(slice, 'endpoints.0.addresses', ['fd00::1']),
      'endpoints[0].addresses[0] is "fd00::1", must be an IPv4 address',
    ],
    [
      'an IPv6 address with a zone',
      validateEndpointSlice,
      change(change(slice, 'addressType', 'IPv6'), 'endpoints.0.addresses', ['fe80::1%eth0']),
      'endpoints[0].addresses[0] is "fe80::1%eth0", must be an IPv6 address',
    ],
    [
      'an unknown address type',
      validateEndpointSlice,
      change(slice, 'addressType', 'IPX'),
      'addressType is "IPX", must be IPv4, IPv6 or FQDN',
    ],
    [
      'an endpoint without an address',
      validateEndpointSlice,
      change(slice, 'endpoints.0.addresses', []),
      'endpoints[0].addresses has 0 entries, must be a list of 1 to 100',
    ],
    [
      'ten thousand endpoints',
      validateEndpointSlice,
      change(slice, 'endpoints', endpoints(10_000, '10.0.0.1')),
      'endpoints has 10000 entries, must be a list of 0 to 1000',
    ],
    [
      'a hostname that is no label',
      validateEndpointSlice,
      change(slice, 'endpoints.0.hostname', 'mysql.0'),
      `endpoints[0].hostname is "mysql.0", must be ${label}`,
    ],
    [
      'a port out of range',
      validateService,
      change(service, 'spec.ports.0.port', 65_536),
      'spec.ports[0].port is 65536, must be a whole number from 1 to 65535',
    ],
    [
      'a port that is text',
      validateEndpointSlice,
      change(slice, 'ports.0.port', 'sql'),
      'ports[0].port is "sql", must be a whole number from 1 to 65535',
    ],
    [
      'an unknown protocol',
      validateServiceImport,
      change(serviceImport, 'spec.ports.0.protocol', 'tcp'),
      'spec.ports[0].protocol is "tcp", must be TCP, UDP or SCTP',
    ],
    [
      'a port name that no DNS name can carry',
      validateServiceImport,
      change(serviceImport, 'spec.ports.0.name', 'a.b'),
      `spec.ports[0].name is "a.b", must be ${label}`,
    ],
    [
      'an unknown import type',
      validateServiceImport,
      change(serviceImport, 'spec.type', 'ClusterIP'),
      'spec.type is "ClusterIP", must be ClusterSetIP or Headless',
    ],
    [
      'an import without spec',
      validateServiceImport,
      change(serviceImport, 'spec', undefined),
      'spec is missing, must be an object',
    ],
    [
      'a label that is no text',
      validateNamespace,
      change(namespace, 'metadata.labels', { a: 1 }),
      'metadata.labels.a is 1, must be text',
    ],
    [
      'a time that is none',
      validateServiceExport,
      change(serviceExport, 'metadata.creationTimestamp', '2026-13-45T00:00:00Z'),
      'metadata.creationTimestamp is "2026-13-45T00:00:00Z", must be an RFC 3339 time such as 2026-01-31T12:00:00Z',
    ],
    [
      'a cluster id that is none',
      validateGateway,
      change(gateway, 'status.connections.0.cluster', 'East'),
      `status.connections[0].cluster is "East", must be ${label}`,
    ],
    [
      'a network with bits behind its length',
      validateCluster,
      change(clusterRecord, 'spec.podCIDRs.0', '10.2.0.1/16'),
      'spec.podCIDRs[0] is "10.2.0.1/16", must be a network such as 10.1.0.0/16, with no bit set after its length',
    ],
    [
      'a gateway with the syntax of a shell in its name',
      validateTunnelEndpoint,
      change(endpointRecord, 'spec.gateway', 'a;reboot'),
      'spec.gateway is "a;reboot", must be DNS labels with dots between, at most 253 characters',
    ],
    [
      'a key that is none',
      validateTunnelEndpoint,
      change(endpointRecord, 'spec.publicKeys.0', '"; drop'),
      'spec.publicKeys[0] is "\\"; drop", must be a key in Base64',
    ],
    [
      'a very long text',
      validateService,
      change(service, 'spec.clusterIP', 'x'.repeat(1000)),
      `spec.clusterIP is "${'x'.repeat(59)}…, must be an IP address or None`,
    ],
  ];
  for (const [name, validate, value, problem] of rows) {
    it(`says what is wrong with ${name}`, () => {
      assert.deepEqual(validate(value), { ok: false, problems: [problem] });
    });
  }

  it('tells all problems at once, the first ten of them in full', () => {
    const two = change(change(service, 'metadata.name', 'A'), 'spec.clusterIP', 'B');
    const result = validateService(two);
    assert.equal(!result.ok && result.problems.length, 2);
    const many = validateEndpointSlice(change(slice, 'endpoints', endpoints(500, 'nowhere')));
    assert.deepEqual(!many.ok && [many.problems.length, many.problems.at(-1)], [11, 'and 490 more']);
  });

  it('never throws, names a problem for all that it refuses, and takes what it let through', () => {
    const paths =
      'apiVersion kind metadata metadata.name metadata.labels spec status addressType endpoints ports'.split(
        ' ',
      );
    const nearly = fc
      .tuple(
        fc.constantFrom(...kinds.map(([, , sound]) => sound)),
        fc.constantFrom(...paths),
        fc.jsonValue({ maxDepth: 4 }),
      )
      .map(([sound, path, value]) => change(sound, path, value));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), nearly), (value) => {
        for (const [, validate] of kinds) {
          const result = validate(value);
          if (result.ok) assert.deepEqual(validate(result.object), result);
          else
            assert.ok(
              result.problems.length > 0 &&
                result.problems.slice(0, 10).every((line) => line.includes('must be')),
            );
        }
      }),
      { numRuns: 2000 },
    );
  });
});
