import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCidr } from '../../../src/api/cidr.ts';
import { Annotation, Label, MANAGED_BY } from '../../../src/api/names.ts';
import type { EndpointSlice, ServiceImport } from '../../../src/api/objects.ts';
import { formatRows } from '../../../src/commands/listing.ts';
import { type ServiceFacts, serviceStatuses } from '../../../src/commands/service-status.ts';
import { servicesListing } from '../../../src/commands/services-listing.ts';
import { NO_ADDRESSES, OwnAddresses } from '../../../src/discovery/own-addresses.ts';
import type { MemberStatus } from '../../../src/membership/members.ts';
import { endpoint, namespace, recordObject, serviceExport } from '../discovery/objects.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');

const member = (cluster: string, more: Partial<MemberStatus> = {}): MemberStatus => ({
  cluster,
  state: 'alive',
  lastSeen: '2026-01-01T23:59:57.000000Z',
  services: 1,
  records: {},
  ...more,
});

/** `shop/web` as the agent imported it from these clusters. */
const imported = (...clusters: string[]): ServiceImport => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceImport',
  metadata: {
    name: 'web',
    namespace: 'shop',
    labels: { [Label.importManagedBy]: MANAGED_BY },
    annotations: {
      [Annotation.exports]: JSON.stringify(
        clusters.map((cluster) => ({ cluster, ips: ['10.0.0.7'], weight: 1 })),
      ),
    },
  },
  spec: { type: 'ClusterSetIP', ports: [{ name: 'http', port: 80 }], ips: ['243.0.0.1'] },
  status: { clusters: clusters.map((cluster) => ({ cluster })) },
});

const slice = (cluster: string, ...ready: boolean[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: `web.${cluster}.ipv4`,
    namespace: 'shop',
    labels: {
      [Label.serviceName]: 'web',
      [Label.sourceCluster]: cluster,
      [Label.managedBy]: MANAGED_BY,
    },
  },
  addressType: 'IPv4',
  endpoints: ready.map((is, at) => endpoint(`10.0.0.${at}`, { conditions: { ready: is } })),
  ports: [],
});

const facts = (more: Partial<ServiceFacts> = {}): ServiceFacts => ({
  cluster: 'east',
  namespaces: [namespace('shop')],
  imports: [],
  slices: [],
  exports: [],
  broker: { records: [], members: [] },
  own: NO_ADDRESSES,
  ...more,
});

const show = (given: ServiceFacts, output: 'table' | 'wide' = 'table'): string[] =>
  formatRows(servicesListing, serviceStatuses(given, NOW), output, NOW).trimEnd().split('\n').slice(1);

const rules = { from: [], namespaces: [], denied: [] };

const rows: Record<string, { given: Partial<ServiceFacts>; want: string }> = {
  'one that is as it should be': {
    given: {
      imports: [imported('north', 'west')],
      slices: [slice('north', true), slice('west', true)],
      broker: {
        records: [recordObject('north'), recordObject('west')],
        members: [member('north', { lastSeen: '2026-01-01T23:59:50Z' }), member('west')],
      },
    },
    want: 'shop web ClusterSetIP north, west 10s ago -',
  },
  'one while the broker is away': {
    given: { imports: [imported('west')], slices: [slice('west', true)], broker: undefined as never },
    want: 'shop web ClusterSetIP west - -',
  },
  'clusters that are silent, drained, without weight or without a ready endpoint': {
    given: {
      imports: [imported('north', 'south', 'west')],
      slices: [slice('west', true), slice('south', false, false)],
      broker: {
        records: [],
        members: [
          member('north', { drained: { by: 'al', at: '2026-01-01T10:00:00Z', why: 'new kernel' } }),
          member('south'),
          member('west', { state: 'silent', lastSeen: '2026-01-01T23:50:00Z' }),
        ],
      },
    },
    want:
      'shop web ClusterSetIP north, south, west 10m ago ' +
      'north is drained by al at 2026-01-01T10:00:00Z: new kernel; north has no ready endpoint; ' +
      'south has no ready endpoint of 2; west is silent, last heard of 10m ago',
  },
  'a cluster that a rule leaves out, of a service of several': {
    given: {
      imports: [imported('west')],
      slices: [slice('west', true)],
      rules: { ...rules, from: ['west'] },
      broker: { records: [recordObject('north'), recordObject('west')], members: [member('west')] },
    },
    want: 'shop web ClusterSetIP west 3s ago north is left out: cluster north is not among --import-from',
  },
  'a service that a rule leaves out as a whole': {
    given: {
      rules: { ...rules, denied: ['shop'] },
      broker: { records: [recordObject('west')], members: [member('west')] },
    },
    want:
      'shop web ClusterSetIP - - not imported: nothing of it is let in; ' +
      'west is left out: namespace shop is among --deny-namespaces',
  },
  'a cluster that is silent for too long': {
    given: {
      rules: { ...rules, expireAfterMs: 60_000 },
      broker: {
        records: [recordObject('west')],
        members: [member('west', { state: 'silent', lastSeen: '2026-01-01T23:50:00Z' })],
      },
    },
    want:
      'shop web ClusterSetIP - - not imported: nothing of it is let in; ' +
      'west is left out: it is silent for longer than --expire-after',
  },
  'a service whose namespace is not here': {
    given: { namespaces: [], broker: { records: [recordObject('west')], members: [member('west')] } },
    want: 'shop web ClusterSetIP - - not imported: there is no namespace shop in this cluster',
  },
  "a service whose name somebody else's import has": {
    given: {
      imports: [{ ...imported('west'), metadata: { name: 'web', namespace: 'shop' } }],
      broker: { records: [recordObject('west')], members: [member('west')] },
    },
    want:
      'shop web ClusterSetIP - - not imported: a ServiceImport of this name was made by somebody else; ' +
      'delete it to import the service',
  },
  'a service that no agent has imported': {
    given: { broker: { records: [recordObject('west')], members: [member('west')] } },
    want: 'shop web ClusterSetIP - - not imported: the agent has not imported it yet; does it run?',
  },
  'a cluster that exports it as something else': {
    given: {
      imports: [imported('west')],
      slices: [slice('west', true)],
      broker: {
        records: [
          recordObject('west'),
          recordObject(
            'north',
            { type: 'Headless', ips: [] },
            { [Annotation.exportCreated]: '2026-01-01T12:00:00Z' },
          ),
        ],
        members: [member('west')],
      },
    },
    want:
      'shop web ClusterSetIP west 3s ago north is left out: it exports the service as Headless; ' +
      'TypeConflict: type: kept "ClusterSetIP" of west (the oldest export), dropped "Headless" of north',
  },
  'a record that cannot be used': {
    given: { broker: { records: [recordObject('west', { type: 'Magic' })], members: [member('west')] } },
    want:
      'shop web - - - not imported: nothing of it is let in; west is left out: ' +
      'its record cannot be used: spec.type is "Magic", must be ClusterSetIP or Headless',
  },
  'a cluster that names an address of this one': {
    given: {
      own: new OwnAddresses([{ cidr: parseCidr('10.0.0.0/16'), of: 'pods' }]),
      broker: { records: [recordObject('west')], members: [member('west')] },
    },
    want:
      'shop web - - - not imported: nothing of it is let in; west is left out: ' +
      'its record cannot be used: spec.ips: 10.0.0.7 is an address of this cluster itself, in 10.0.0.0/16 (pods)',
  },
  'an own export that is not in force': {
    given: {
      exports: [
        {
          ...serviceExport('gone'),
          status: {
            conditions: [
              {
                type: 'Valid',
                status: 'False',
                reason: 'NoService',
                message: 'there is no Service "gone"',
                lastTransitionTime: '2026-01-01T00:00:00Z',
              },
            ],
          },
        },
      ],
    },
    want:
      'shop gone - - - not imported: nobody exports it; ' +
      'the export of this cluster: Valid is False, NoService: there is no Service "gone"',
  },
};

describe('what is told of a service', () => {
  for (const [sentence, { given, want }] of Object.entries(rows)) {
    it(sentence, () => {
      const [line = '', ...others] = show(facts(given));
      assert.equal(line.replaceAll(/ {2,}/g, ' '), want);
      assert.deepEqual(others, []);
    });
  }

  it('what is exported to others alone is not told', () => {
    const hidden = recordObject('west', {}, { [Annotation.toClusters]: 'north' });
    assert.deepEqual(show(facts({ broker: { records: [hidden], members: [] } })), []);
  });

  it('a wide table tells addresses, ports, and ready endpoints by cluster', () => {
    const [line = ''] = show(
      facts({ imports: [imported('west')], slices: [slice('west', true, false)] }),
      'wide',
    );
    assert.match(line, / 243\.0\.0\.1 +http 80\/TCP +west 1\/2 +west 10\.0\.0\.7 +west was never heard of$/);
  });
});
