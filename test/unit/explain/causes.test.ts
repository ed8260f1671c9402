/** Each class of "it resolves here and not there": how it is told, and what would change it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCidr } from '../../../src/api/cidr.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Annotation } from '../../../src/api/names.ts';
import type { EndpointSlice, Service, ServiceExport, ServiceImport } from '../../../src/api/objects.ts';
import { exportService } from '../../../src/discovery/export.ts';
import { NO_FILTERS } from '../../../src/discovery/import-filters.ts';
import { NO_ADDRESSES, OwnAddresses } from '../../../src/discovery/own-addresses.ts';
import type { Background, ServiceObjects } from '../../../src/explain/background.ts';
import { explain } from '../../../src/explain/explain.ts';
import type { Explanation } from '../../../src/explain/explanation.ts';
import { parseQuestion } from '../../../src/explain/question.ts';
import { zoneOf, type ServiceText } from '../zone/driver.ts';

const NOW = Date.parse('2026-11-25T02:00:00Z');
const metadata = { name: 'web', namespace: 'shop' };

const service = (more: Partial<Service['spec']> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { clusterIP: '10.2.0.1', ports: [{ name: 'http', port: 80 }], ...more },
});
const serviceExport = (created: string, annotations: Record<string, string> = {}): ServiceExport => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: { ...metadata, creationTimestamp: created, annotations },
});
const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.2.9.9'] }],
  ports: [],
};

/** What a cluster's agent writes to the broker. */
function recordsOf(cluster: string, exported: ServiceExport, of: Service = service()) {
  const result = exportService({
    cluster: parseClusterId(cluster),
    brokerNamespace: 'pharos-broker',
    endpoints: 'service',
    serviceExport: exported,
    service: of,
    slices: [slice],
  });
  assert.equal(result.is, 'valid');
  return result.is === 'valid' ? result.records : assert.fail();
}
const recordOf = (...of: Parameters<typeof recordsOf>): ServiceImport => recordsOf(...of).serviceImport;

const nothingIn = (cluster: string): ServiceObjects => ({
  cluster,
  hasNamespace: true,
  service: undefined,
  serviceExport: undefined,
  slices: [],
  serviceImport: undefined,
});

const OLD = '2026-11-01T00:00:00Z';
const YOUNG = '2026-11-20T00:00:00Z';

interface Situation {
  readonly imported?: Readonly<Record<string, ServiceText>>;
  readonly background?: Partial<Background>;
  readonly records?: readonly ServiceImport[];
  readonly slices?: readonly EndpointSlice[];
  readonly heartbeats?: Background['broker'] extends infer B
    ? B extends { heartbeats: infer H }
      ? H
      : never
    : never;
  readonly name?: string;
}

function told({
  imported = {},
  background,
  records = [],
  slices = [],
  heartbeats = new Map(),
  name = 'web.shop',
}: Situation): Explanation {
  const zone = zoneOf(imported);
  return explain(parseQuestion(name, 'A', zone.origins), {
    now: NOW,
    cluster: 'east',
    zone,
    standingSince: new Map(),
    background: {
      here: nothingIn('east'),
      elsewhere: [],
      broker: { namespace: 'pharos-broker', records, slices, heartbeats },
      endpoints: 'service',
      filters: NO_FILTERS,
      own: NO_ADDRESSES,
      expireAfterMs: undefined,
      ...background,
    },
    way: undefined,
    unknown: [],
  });
}

interface Row {
  readonly why: string;
  readonly situation: Situation;
  readonly cause: Explanation['verdict']['cause'];
  readonly text: RegExp;
  readonly change: RegExp;
}

const ofEast = (network: string, of: string) => new OwnAddresses([{ cidr: parseCidr(network), of }]);
const headless = service({ clusterIP: 'None' });

const rows: readonly Row[] = [
  {
    why: 'the namespace is missing here',
    situation: {
      records: [recordOf('west', serviceExport(OLD))],
      background: { here: { ...nothingIn('east'), hasNamespace: false } },
    },
    cause: 'namespace-missing-here',
    text: /namespace shop does not exist in east, so shop\/web, which west exports, is not imported there$/,
    change: /^kubectl create namespace shop$/m,
  },
  {
    why: 'the Service is there and not exported',
    situation: { background: { elsewhere: [{ ...nothingIn('west'), service: service() }] } },
    cause: 'not-exported',
    text: /west: it has the Service, and no ServiceExport of it$/,
    change: /^pharos export web -n shop$/m,
  },
  {
    why: 'the export is there and its Service is not',
    situation: { background: { elsewhere: [{ ...nothingIn('west'), serviceExport: serviceExport(OLD) }] } },
    cause: 'export-invalid',
    text: /west: its export is not valid: NoService: There is no Service "web"/,
    change: /A Service shop\/web in west that can be exported/,
  },
  {
    why: 'the export has not reached the broker',
    situation: {
      background: {
        elsewhere: [
          { ...nothingIn('west'), service: service(), serviceExport: serviceExport(OLD), slices: [slice] },
        ],
      },
    },
    cause: 'not-published',
    text: /west: its export is not on the broker: no agent has looked at it/,
    change: /A running pharos agent in west/,
  },
  {
    why: 'the export names other clusters',
    situation: { records: [recordOf('west', serviceExport(OLD, { [Annotation.toClusters]: 'north' }))] },
    cause: 'not-for-this-cluster',
    text: /west: its export is for north \(annotation pharos\.io\/to-clusters\)$/,
    change: /^pharos export web -n shop --to-clusters east$/m,
  },
  {
    why: 'this cluster does not let the exporter in',
    situation: {
      records: [recordOf('west', serviceExport(OLD))],
      background: { filters: { from: ['north'], namespaces: [], denied: [] } },
    },
    cause: 'filtered',
    text: /west: east does not let it in: cluster west is not among --import-from$/,
    change: /--import-from/,
  },
  {
    why: "its Service IP is inside this cluster's own networks",
    situation: {
      records: [recordOf('west', serviceExport(OLD))],
      background: { own: ofEast('10.2.0.0/16', 'Services') },
    },
    cause: 'own-address',
    text: /west: east does not let it in: spec\.ips: 10\.2\.0\.1 is an address of this cluster itself, in 10\.2\.0\.0\/16 \(Services\)$/,
    change: /^Networks of west that are not east's as well, or another --own-cidr/,
  },
  {
    why: "all endpoints are inside this cluster's own networks",
    situation: {
      imported: { 'shop/web': { type: 'Headless', from: { west: { endpoints: [] } } } },
      records: [recordOf('west', serviceExport(OLD), headless)],
      slices: recordsOf('west', serviceExport(OLD), headless).slices,
      background: { own: ofEast('10.2.9.0/24', 'pods') },
    },
    cause: 'own-address',
    text: /west: it has no ready endpoint that is let in: 10\.2\.9\.9 is an address of this cluster itself, in 10\.2\.9\.0\/24 \(pods\)$/,
    change: /^Networks of west that are not east's as well/,
  },
  {
    why: 'the exporter is silent for too long',
    situation: {
      records: [recordOf('west', serviceExport(OLD))],
      heartbeats: new Map([['west', { renewed: '2026-11-25T01:00:00Z', isSilent: true }]]),
      background: { expireAfterMs: 600_000 },
    },
    cause: 'expired',
    text: /west: east does not let it in: its cluster is silent for longer than --expire-after$/,
    change: /A sign of life of west/,
  },
  {
    why: 'the record cannot be used',
    situation: {
      records: [
        {
          ...recordOf('west', serviceExport(OLD)),
          spec: { type: 'ClusterSetIP', ports: [], ips: ['127.0.0.1'] },
        },
      ],
    },
    cause: 'bad-record',
    text: /west: its record cannot be used: spec\.ips: no other cluster can send to 127\.0\.0\.1$/,
    change: /A record of west on the broker/,
  },
  {
    why: 'the agent here has not imported it',
    situation: { records: [recordOf('west', serviceExport(OLD))] },
    cause: 'not-imported',
    text: /west: its export is on the broker, and east has not imported it yet$/,
    change: /A running pharos agent in east/,
  },
  {
    why: 'nobody exports it, and another name is near',
    situation: { imported: { 'shop/web': { from: { west: { ips: ['10.2.0.1'] } } } }, name: 'wbe.shop' },
    cause: 'no-such-service',
    text: /no cluster exports a service shop\/wbe to east; there is web\.shop\.svc\.clusterset\.local\.$/,
    change: /^Ask for web\.shop\.svc\.clusterset\.local\./,
  },
  {
    why: 'the cluster asked for exports another type',
    situation: {
      imported: { 'shop/web': { from: { west: { ips: ['10.2.0.1'] } } } },
      records: [
        recordOf('west', serviceExport(OLD)),
        recordOf('north', serviceExport(YOUNG), service({ clusterIP: 'None' })),
      ],
      name: 'north.web.shop.svc',
    },
    cause: 'type-conflict',
    text: /north: its export is Headless, while the oldest one, of west, is ClusterSetIP$/,
    change: /Exports of shop\/web of one type/,
  },
  {
    why: 'somebody else made an import of that name',
    situation: {
      imported: { 'shop/web': { foreign: true, from: {} } },
      records: [recordOf('west', serviceExport(OLD))],
      background: {
        here: {
          ...nothingIn('east'),
          serviceImport: {
            apiVersion: 'multicluster.x-k8s.io/v1beta1',
            kind: 'ServiceImport',
            metadata,
            spec: { type: 'ClusterSetIP', ports: [] },
          },
        },
      },
    },
    cause: 'foreign-import',
    text: /the ServiceImport shop\/web in east was made by somebody else, and Pharos leaves it alone: /,
    change: /^kubectl delete serviceimport web -n shop$/m,
  },
  {
    why: 'no endpoint is ready',
    situation: {
      imported: { 'shop/web': { from: { west: { ips: ['10.2.0.1'], endpoints: ['10.2.9.9 unready'] } } } },
    },
    cause: 'not-ready',
    text: /west: it has no ready endpoint$/,
    change: /A ready endpoint of Service shop\/web in west/,
  },
];

describe('a name does not resolve because', () => {
  for (const { why, situation, cause, text, change } of rows) {
    it(why, () => {
      const { verdict, changes, answer } = told(situation);
      assert.equal(verdict.cause, cause);
      assert.match(verdict.text, text);
      assert.match(changes.flatMap((each) => [each.text, each.command ?? '']).join('\n'), change);
      assert.deepEqual(answer.answer, []);
    });
  }
});

describe('the exports step', () => {
  const imported = { 'shop/web': { from: { west: { ips: ['10.2.0.1'] } } } };
  const stepOf = ({ steps }: Explanation, id: string) => steps.find((step) => step.id === id);
  it('names exporters with their times, their objects, and what they do not agree on', () => {
    const other = service({ ports: [{ name: 'http', port: 8080 }] });
    const explanation = told({
      imported,
      records: [recordOf('west', serviceExport(OLD)), recordOf('north', serviceExport(YOUNG), other)],
    });
    const step = stepOf(explanation, 'exports');
    assert.equal(step?.state, 'note');
    assert.match(
      step?.text ?? '',
      /^Exported by north \(2026-11-20T00:00:00Z\), west \(2026-11-01T00:00:00Z\); port http: kept /,
    );
    assert.deepEqual(step?.objects.at(-1), {
      in: 'broker',
      kind: 'ServiceImport',
      namespace: 'pharos-broker',
      name: 'web.shop.west',
    });
  });
  it('tells which exporter is silent, and that the cluster itself is', () => {
    const heartbeats = new Map([
      ['west', { renewed: '2026-11-25T01:00:00Z', isSilent: true }],
      ['east', { renewed: '2026-11-25T01:30:00Z', isSilent: true }],
      ['south', { renewed: '2026-11-25T01:30:00Z', isSilent: true }],
    ]);
    const { text = '' } =
      stepOf(told({ imported, records: [recordOf('west', serviceExport(OLD))], heartbeats }), 'exports') ??
      {};
    assert.match(text, /west is silent since 2026-11-25T01:00:00Z: what is known of it may be old/);
    assert.match(text, /east is silent since/);
    assert.doesNotMatch(text, /south/);
  });
});
