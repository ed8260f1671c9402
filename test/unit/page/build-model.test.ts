import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { drainedManifest } from '../../../src/api/drained.ts';
import { buildModel } from '../../../src/page/build-model.ts';
import type { ServiceModel } from '../../../src/page/model.ts';
import { Services } from '../../../src/page/services.ts';
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
    [
      'is silent and its tunnel broken, which is told together',
      { broker: { leases: [leaseOf('east', 99)] }, west: tunnel('error', 'no probe came back') },
      'disconnected',
      /error: no probe came back; no heartbeat since 2026-/,
    ],
    [
      'is not silent since the broker cannot be looked at',
      { broker: { leases: [leaseOf('east', 300)], lost: 'gone', lostAt: Date.parse(ago(290)) } },
      'heard',
      /was fresh when the broker went out of sight/,
    ],
    [
      'is silent when it was before the broker went out of sight',
      { broker: { leases: [leaseOf('east', 300)], lost: 'gone', lostAt: Date.parse(ago(200)) } },
      'silent',
      /no heartbeat since/,
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

describe('a gateway that gives no sign of life', () => {
  const dead = gatewayOf('gw', [{ cluster: 'east', state: 'connected', roundTripMs: 3 }]);
  dead.status = { ...dead.status, heartbeat: ago(90) };
  const model = buildModel(sightsOf([sightOf('west', web, { gateways: [dead] })]));
  const why = `gateway gw gives no sign of life since ${ago(90)}`;

  it('is silent, and what it said of its tunnels is not believed', () => {
    assert.deepEqual(model.clusters.find(({ id }) => id === 'west')?.gateways, [
      { name: 'gw', role: 'silent' },
    ]);
    assert.deepEqual(
      model.connections.map(({ state, reason, carries, since }) => [state, reason, carries, since]),
      [['error', why, false, ago(90)]],
    );
    assert.deepEqual(
      model.services[0]?.exporters.map(({ cluster, health, reason }) => [cluster, health, reason]),
      [
        ['east', 'unreachable', `the connection is in state error: ${why}`],
        ['west', 'answers', undefined],
      ],
    );
  });
});

it('what a silent cluster exports is marked as old, since when', () => {
  const broker = { records: [], drained: undefined, leases: [leaseOf('east', 99), leaseOf('west', 2)] };
  const { services } = buildModel(sightsOf([sightOf('west', web)], { broker }));
  assert.deepEqual(
    services[0]?.exporters.map(({ cluster, health, silentSince }) => [cluster, health, silentSince]),
    [
      ['east', 'answers', ago(99)],
      ['west', 'answers', undefined],
    ],
  );
});

describe('a model that is made from the one before', () => {
  const NAMES = ['web', 'mail', 'db'];
  const part = fc.record({ ready: fc.nat(2), total: fc.constant(2), weight: fc.constantFrom(0, 1) });
  const words = fc.option(
    fc.record({ parts: fc.dictionary(fc.constantFrom('west', 'east'), part, { noNullPrototype: true }) }),
    { nil: undefined },
  );
  const moment = fc.record({
    services: fc.tuple(words, words, words),
    connected: fc.boolean(),
    tunnel: fc.constantFrom('connected' as const, 'error' as const),
    heartbeat: fc.constantFrom(2, 99),
    isDrained: fc.boolean(),
  });
  type Moment = typeof moment extends fc.Arbitrary<infer T> ? T : never;

  /** As stores do: of what has not changed the same objects. */
  function looker() {
    const made = new Map<string, ReturnType<typeof sightOf>>();
    return ({ services, connected, tunnel, heartbeat, isDrained }: Moment) => {
      const clusters = ['west', 'east'].map((id) => {
        const parts = NAMES.flatMap((name, at) => {
          const each = services[at];
          if (each === undefined) return [];
          const key = `${id} ${name} ${JSON.stringify(each)}`;
          const sight = made.get(key) ?? sightOf(id, { [name]: each });
          made.set(key, sight);
          return [sight];
        });
        return {
          ...sightOf(id, {}, { isConnected: connected }),
          imports: parts.flatMap(({ imports }) => imports),
          slices: parts.flatMap(({ slices }) => slices),
          exports: parts.flatMap(({ exports }) => exports),
          gateways: id === 'west' ? [gatewayOf('gw', [{ cluster: 'east', state: tunnel }])] : [],
        };
      });
      const drains = new Map(isDrained ? [['east', { by: 'mara', at: 'noon' }]] : []);
      return sightsOf(clusters, {
        broker: {
          records: [],
          leases: [leaseOf('east', heartbeat)],
          drained: drainedManifest('pharos-broker', drains),
        },
      });
    };
  }

  it('is as one that is made from nothing, whatever has changed', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 2, maxLength: 6 }), (moments) => {
        const look = looker();
        const known = new Services();
        for (const each of moments) {
          const sights = look(each);
          assert.deepEqual(buildModel(sights, known), buildModel(sights));
        }
      }),
    );
  });

  it('makes only those services anew of which something has changed', () => {
    const look = looker();
    const known = new Services();
    const at = (ready: number): Moment => ({
      services: NAMES.map((name) => ({
        parts: { west: { ready: name === 'web' ? ready : 1, total: 2, weight: 1 } },
      })) as unknown as Moment['services'],
      connected: true,
      tunnel: 'connected',
      heartbeat: 2,
      isDrained: false,
    });
    const before = buildModel(look(at(1)), known).services;
    const after = buildModel(look(at(2)), known).services;
    assert.deepEqual(
      after.filter((service) => !before.includes(service)).map(({ key }) => key),
      ['shop/web'],
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
