import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Kinds } from '../../../src/api/kinds.ts';
import type { EndpointSlice, ServiceImport } from '../../../src/api/objects.ts';
import type { Gateway } from '../../../src/api/tunnel.ts';
import { reachabilityOf } from '../../../src/commands/follow-gateways.ts';
import { parseImport } from '../../../src/zone/import-model.ts';
import { parseSlice } from '../../../src/zone/slice-model.ts';
import { cutGateway, cutImport, cutSlice } from '../../../src/zone/source.ts';
import { anImport, aSlice } from './arbitraries.ts';

const noise = {
  uid: 'f1d2',
  resourceVersion: '12',
  generation: 3,
  labels: { app: 'web' },
  annotations: { 'example.com/large': 'x'.repeat(1000) },
};

describe('cutting objects down to what the zone reads', () => {
  it('changes nothing of what the zone makes of an import', () => {
    fc.assert(
      fc.property(anImport, (object) => {
        assert.deepEqual(parseImport(cutImport(object)), parseImport(object));
      }),
    );
  });

  it('changes nothing of what the zone makes of a slice', () => {
    fc.assert(
      fc.property(aSlice, (object) => {
        assert.deepEqual(parseSlice(cutSlice(object)), parseSlice(object));
      }),
    );
  });

  it('leaves out what the API server and others add', () => {
    const metadata = { name: 'web', namespace: 'shop', ...noise };
    const given: ServiceImport = {
      apiVersion: Kinds.ServiceImport.apiVersion,
      kind: 'ServiceImport',
      metadata,
      spec: { type: 'Headless', ports: [] },
      status: { clusters: [{ cluster: 'west' }], endpointSliceObjects: 'Present' },
    };
    assert.deepEqual(cutImport(given), {
      ...given,
      metadata: { name: 'web', namespace: 'shop' },
      status: { clusters: [{ cluster: 'west' }] },
    });
    const slice: EndpointSlice = {
      apiVersion: Kinds.EndpointSlice.apiVersion,
      kind: 'EndpointSlice',
      metadata,
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], nodeName: 'n', targetRef: { kind: 'Pod', name: 'p', namespace: 'shop' } },
      ],
      ports: [],
    };
    assert.deepEqual(cutSlice(slice).endpoints, [
      { addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'p' } },
    ]);
  });

  it('keeps of a gateway which clusters it reaches, and why not', () => {
    const given: Gateway = {
      apiVersion: Kinds.Gateway.apiVersion,
      kind: 'Gateway',
      metadata: { name: 'node-1', namespace: 'pharos-system', ...noise },
      status: {
        haStatus: 'active',
        connections: [
          { cluster: 'west', state: 'connected', roundTripMs: 3.5 },
          { cluster: 'north', state: 'error', reason: 'no answer', loss: 1 },
        ],
      },
    };
    const kept = cutGateway(given);
    assert.deepEqual(reachabilityOf([kept]), reachabilityOf([given]));
    const later = structuredClone(given);
    later.status!.connections![0]!.roundTripMs = 4.5;
    assert.deepEqual(cutGateway(later), kept);
  });
});
