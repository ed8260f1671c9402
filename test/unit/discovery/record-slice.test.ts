import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Label } from '../../../src/api/names.ts';
import type { Endpoint, EndpointSlice } from '../../../src/api/objects.ts';
import { aggregate } from '../../../src/discovery/aggregate.ts';
import { importedObjects } from '../../../src/discovery/import.ts';
import { recordLabels } from '../../../src/discovery/labels.ts';
import type { Reading } from '../../../src/discovery/reading.ts';
import { readRecordSlice, type RecordSlice } from '../../../src/discovery/record-slice.ts';
import { endpoint, exportRecord, slice } from './objects.ts';

/** A slice of west's record of `shop/web` as it stands on the broker, with `more` in it. */
const stored = (more: object = {}, name = 'web.shop.west.ipv4'): EndpointSlice => ({
  ...slice('web', name, [endpoint('10.0.0.7')]),
  metadata: {
    name,
    namespace: 'pharos-broker',
    labels: recordLabels({ cluster: 'west', namespace: 'shop', service: 'web' }),
  },
  ...more,
});
const withEndpoint = (more: object): EndpointSlice => stored({ endpoints: [endpoint('10.0.0.7', more)] });
const refusals = ({ value, refused }: Reading<RecordSlice>): string[] => [
  value === undefined ? 'none of it' : 'some of it',
  ...refused.map(({ refusal, why }) => `${refusal}: ${why}`),
];

it('a slice of a record says all that the exporter said', () => {
  const given = withEndpoint({
    hostname: 'web-0',
    zone: 'eu-1a',
    conditions: { ready: false, serving: true },
  });
  assert.deepEqual(readRecordSlice(given), {
    value: {
      cluster: 'west',
      namespace: 'shop',
      service: 'web',
      suffix: 'ipv4',
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.7'],
          conditions: { ready: false, serving: true },
          hostname: 'web-0',
          zone: 'eu-1a',
          targetRef: { kind: 'Pod', name: 'pod-7' },
        },
      ],
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    },
    refused: [],
  });
});

const ROWS: Readonly<Record<string, readonly [given: EndpointSlice, refused: readonly (string | RegExp)[]]>> =
  {
    'without a label that says whose it is': [
      stored({
        metadata: { name: 'web.shop.west.ipv4', namespace: 'b', labels: { [Label.serviceName]: 'web' } },
      }),
      ['none of it', /^misnamed: /],
    ],
    'under the name of another cluster': [stored({}, 'web.shop.east.ipv4'), ['none of it', /^misnamed: /]],
    'under a name with more in it': [stored({}, 'web.shop.west.a.b'), ['none of it', /^misnamed: /]],
    'under the name of the record itself': [stored({}, 'web.shop.west'), ['none of it', /^misnamed: /]],
    'of names': [
      stored({ addressType: 'FQDN', endpoints: [{ addresses: ['db.example.com'] }] }),
      ['none of it', /^malformed: addressType is "FQDN"/],
    ],
    'of an unknown address type': [stored({ addressType: 'IPX' }), ['none of it', /^malformed: /]],
    'with an address of the other family': [
      stored({ endpoints: [endpoint('fd00::7')] }),
      ['none of it', /^malformed: endpoints\[0\]\.addresses\[0\] is "fd00::7"/],
    ],
    'with an address that is none': [
      stored({ endpoints: [endpoint('10.0.0')] }),
      ['none of it', /^malformed: endpoints\[0\]\.addresses\[0\] is "10\.0\.0"/],
    ],
    'with an endpoint without address': [
      stored({ endpoints: [{ addresses: [] }] }),
      ['none of it', /^malformed: /],
    ],
    'with 1001 endpoints': [
      stored({ endpoints: Array.from({ length: 1001 }, () => endpoint('10.0.0.7')) }),
      ['none of it', /^malformed: endpoints/],
    ],
    'with a port of an unknown protocol': [
      stored({ ports: [{ name: 'http', protocol: 'ICMP', port: 80 }] }),
      ['none of it', /^malformed: ports\[0\]\.protocol is "ICMP"/],
    ],
    'with a host name that is no label': [
      withEndpoint({ hostname: 'Web.0' }),
      ['none of it', /^malformed: endpoints\[0\]\.hostname is "Web\.0"/],
    ],
    'with loopback and link-local addresses among others': [
      stored({ endpoints: [endpoint('127.0.0.1'), endpoint('10.0.0.7'), endpoint('169.254.169.254')] }),
      ['some of it', /^endpoint: .*127\.0\.0\.1/, /^endpoint: .*169\.254\.169\.254/],
    ],
  };

describe('of a slice of a record is refused,', () => {
  for (const [name, [given, wanted]] of Object.entries(ROWS)) {
    it(`${name}: ${wanted[0]}`, () => {
      const told = refusals(readRecordSlice(given));
      assert.equal(told.length, wanted.length, told.join('; '));
      for (const [at, each] of wanted.entries()) assert.match(told[at] ?? '', new RegExp(each));
    });
  }

  const read = (given: EndpointSlice): RecordSlice => readRecordSlice(given).value ?? assert.fail('refused');

  it('though the others stay, what an API server would not take', () => {
    const { endpoints } = read(withEndpoint({ zone: 'not a zone' }));
    assert.deepEqual(Object.keys(endpoints[0] ?? {}).sort(), ['addresses', 'conditions', 'targetRef']);
    const ports = [
      { name: 'http', port: 80, appProtocol: 'a b' },
      { name: 'http', port: 81 },
      { name: 'h2', port: 82, appProtocol: 'a..b/c' },
    ];
    assert.deepEqual(read(stored({ ports })).ports, [
      { name: 'http', protocol: 'TCP', port: 80 },
      { name: 'h2', protocol: 'TCP', port: 82 },
    ]);
  });

  it('an address that is there twice', () => {
    assert.deepEqual(read(stored({ endpoints: [{ addresses: ['10.0.0.7', '10.0.0.7'] }] })).endpoints, [
      { addresses: ['10.0.0.7'] },
    ]);
  });
});

it('no slice at all makes reading or importing it throw', () => {
  const view = aggregate([exportRecord('west')]) ?? assert.fail('no view');
  const hostileEndpoint = fc.oneof(
    fc.jsonValue(),
    fc.record({ addresses: fc.oneof(fc.array(fc.oneof(fc.ipV4(), fc.string())), fc.jsonValue()) }),
  );
  const hostile = fc.record(
    {
      addressType: fc.oneof(fc.constantFrom('IPv4', 'IPv6', 'FQDN'), fc.jsonValue()),
      endpoints: fc.oneof(fc.array(hostileEndpoint), fc.jsonValue()),
      ports: fc.oneof(fc.array(fc.oneof(fc.record({ port: fc.nat() }), fc.jsonValue())), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(hostile, fc.constantFrom('ipv4', 'x', 'a.b', ''), (more, suffix) => {
      const { value, refused } = readRecordSlice(stored(more, `web.shop.west.${suffix}`));
      if (value === undefined) assert.notEqual(refused.length, 0);
      else {
        const [imported] = importedObjects('shop', 'web', view, [value]).slices;
        assert.ok(imported?.endpoints?.every(({ addresses }: Endpoint) => addresses.length > 0));
      }
    }),
  );
});
