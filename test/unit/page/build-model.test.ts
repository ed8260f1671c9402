import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drainedManifest } from '../../../src/api/drained.ts';
import { buildModel } from '../../../src/page/build-model.ts';
import type { ServiceModel } from '../../../src/page/model.ts';
import {
  ago,
  busySights,
  gatewayOf,
  leaseOf,
  type ServiceWords,
  sightOf,
  sightsOf,
} from '../../support/page-sights.ts';

const web: Readonly<Record<string, ServiceWords>> = {
  web: { parts: { east: { ready: 2, total: 3 }, west: { ready: 1 } } },
};

describe('the state of a member', () => {
  const drained = drainedManifest('pharos-broker', new Map([['east', { by: 'mara', at: 'noon' }]]));
  const tunnel = (state: 'connected' | 'error', reason?: string) => ({
    gateways: [gatewayOf('gw', [{ cluster: 'east', state, ...(reason !== undefined && { reason }) }])],
  });
  for (const [what, sights, state, reason] of [
    [
      'is heard by its heartbeat',
      { broker: { leases: [leaseOf('east', 5)] } },
      'heard',
      /heartbeat is fresh/,
    ],
    [
      'is silent without one',
      { broker: { leases: [leaseOf('east', 41)] } },
      'silent',
      /no heartbeat since 2026-/,
    ],
    [
      'is drained while it is heard',
      { broker: { leases: [leaseOf('east', 5)], drained } },
      'drained',
      /by mara at noon/,
    ],
    [
      'is silent even though it is drained',
      { broker: { leases: [leaseOf('east', 99)], drained } },
      'silent',
      /since/,
    ],
    ['is heard through a tunnel', { west: tunnel('connected') }, 'heard', /tunnel to it is up/],
    [
      'is disconnected by its tunnel',
      { west: tunnel('error', 'no probe came back') },
      'disconnected',
      /error: no probe/,
    ],
    ['is not known where nothing tells', {}, 'unknown', /broker is not looked at/],
    [
      'is what its switch in the playground says',
      { east: { isConnected: false } },
      'disconnected',
      /cut off/,
    ],
  ] as const) {
    it(what, () => {
      const { broker, west, east } = { broker: undefined, west: {}, east: undefined, ...sights };
      const clusters = [
        sightOf('west', web, west),
        ...(east === undefined ? [] : [sightOf('east', web, east)]),
      ];
      const model = buildModel(
        sightsOf(clusters, broker && { broker: { drained: undefined, records: [], ...broker } }),
      );
      const member = model.clusters.find(({ id }) => id === 'east');
      assert.equal(member?.state, state);
      assert.match(member.reason, reason);
    });
  }
});

describe('a service', () => {
  const one = (sights: Parameters<typeof buildModel>[0]): ServiceModel => {
    const [service] = buildModel(sights).services;
    assert.ok(service);
    return service;
  };

  it('names its exporters with what is ready, as each tells', () => {
    const { exporters, ports, since } = one(sightsOf([sightOf('west', web)]));
    assert.deepEqual(ports, ['http 80/tcp']);
    assert.equal(since, ago(3600));
    assert.deepEqual(
      exporters.map(({ cluster, health, ready, total }) => [cluster, health, ready, total]),
      [
        ['east', 'answers', 2, 3],
        ['west', 'answers', 1, 1],
      ],
    );
  });

  it('says why a cluster is not in answers, in the words of the zone', () => {
    const parts = {
      east: { ready: 0, total: 1 },
      north: { ready: 1, weight: 0 },
      south: { ready: 1 },
      west: { ready: 1 },
    };
    const gateways = [gatewayOf('gw', [{ cluster: 'south', state: 'error' }])];
    const { exporters } = one(sightsOf([sightOf('west', { web: { parts } }, { gateways })]));
    assert.deepEqual(
      exporters.map(({ health, reason }) => [health, reason]),
      [
        ['not-ready', undefined],
        ['no-weight', undefined],
        ['unreachable', 'the connection is in state error'],
        ['answers', undefined],
      ],
    );
  });

  it('tells each conflict once, whoever was told', () => {
    const conflict =
      'port http: kept "http TCP 80" of west (the oldest export), dropped "http TCP 81" of east; type: kept "a" of b, dropped "c" of d';
    const services = { web: { ...web['web'], parts: web['web']?.parts ?? {}, conflict } };
    const { conflicts } = one(sightsOf([sightOf('west', services), sightOf('east', services)]));
    assert.equal(conflicts.length, 2);
    assert.match(conflicts[0] ?? '', /^port http: kept/);
  });

  it('that is exported and imported nowhere yet is there all the same, with the reason', () => {
    const sight = sightOf('west', web);
    const [exported] = sight.exports;
    assert.ok(exported);
    exported.status = {
      conditions: [
        {
          type: 'Valid',
          status: 'False',
          reason: 'NoService',
          message: 'there is no Service',
          lastTransitionTime: ago(1),
        },
      ],
    };
    const { exporters, problems } = one(sightsOf([{ ...sight, imports: [], slices: [] }]));
    assert.deepEqual(exporters, []);
    assert.deepEqual(problems, ['The export in west is not in force (NoService): there is no Service']);
  });

  it('of which an object makes no sense is left out, and nothing else with it', () => {
    const sight = sightOf('west', { ...web, mail: { parts: { west: { ready: 1 } } } });
    const imports = sight.imports.map((object, at) =>
      at === 0 ? { ...object, spec: null as never } : object,
    );
    const model = buildModel(sightsOf([{ ...sight, imports, exports: [] }]));
    assert.deepEqual(
      model.services.map(({ key }) => key),
      ['shop/mail'],
    );
  });
});

it('of everything at once, objects in another order make the same model', () => {
  const sights = busySights();
  const turned = {
    ...sights,
    clusters: sights.clusters.toReversed().map((sight) => ({
      ...sight,
      imports: sight.imports.toReversed(),
      slices: sight.slices.toReversed(),
      exports: sight.exports.toReversed(),
      gateways: sight.gateways.toReversed(),
    })),
  };
  assert.deepEqual(buildModel(turned), buildModel(sights));
});
