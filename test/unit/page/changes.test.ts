import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import { buildModel } from '../../../src/page/build-model.ts';
import { changeBetween, tellBetween, withChange } from '../../../src/page/changes.ts';
import type { PageModel } from '../../../src/page/model.ts';
import { type ServiceWords, sightOf, sightsOf } from '../../support/page-sights.ts';

const modelOf = (
  services: Readonly<Record<string, ServiceWords>>,
  connected = true,
  problems: string[] = [],
): PageModel =>
  buildModel(
    sightsOf(
      [
        sightOf('west', services, { isConnected: connected }),
        sightOf('east', services, { isConnected: true }),
      ],
      { problems },
    ),
  );

describe('what is told', () => {
  const one = (ready: number, weight = 1): Record<string, ServiceWords> => ({
    web: { parts: { west: { ready, total: 2, weight } } },
  });
  const conflict = 'port http: kept "80" of west, dropped "81" of east';
  for (const [what, before, after, wanted] of [
    ['a service that comes', modelOf({}), modelOf(one(2)), ['good: west exports shop/web']],
    ['a service that goes', modelOf(one(2)), modelOf({}), ['warn: shop/web is not exported any more']],
    [
      'endpoints that get unready',
      modelOf(one(2)),
      modelOf(one(1)),
      ['plain: shop/web in west: 1 of 2 endpoints ready, before 2 of 2'],
    ],
    ['the last of them', modelOf(one(2)), modelOf(one(0)), ['bad: shop/web in west has no ready endpoint']],
    ['the first one again', modelOf(one(0)), modelOf(one(1)), ['good: shop/web in west is in answers again']],
    ['a weight', modelOf(one(2)), modelOf(one(2, 5)), ['plain: shop/web in west has weight 5, before 1']],
    [
      'a conflict',
      modelOf(one(2)),
      modelOf({ web: { parts: { west: { ready: 2 } }, conflict } }),
      [`warn: shop/web has a conflict over ${conflict}`],
    ],
    [
      'a conflict that is settled',
      modelOf({ web: { parts: { west: { ready: 2 } }, conflict } }),
      modelOf(one(2)),
      ['good: shop/web has no conflict over port http any more'],
    ],
    [
      'a cluster that is cut off',
      modelOf({}),
      modelOf({}, false),
      ['bad: cluster west is disconnected: cut off from the broker and from all other clusters'],
    ],
    ['a cluster that is back', modelOf({}, false), modelOf({}), ['good: cluster west is back']],
    ['a problem', modelOf({}), modelOf({}, true, ['a.yaml:1: no']), ['bad: a.yaml:1: no']],
    [
      'a problem that is mended',
      modelOf({}, true, ['a.yaml:1: no']),
      modelOf({}),
      ['good: mended: a.yaml:1: no'],
    ],
  ] as const) {
    it(what, () => {
      assert.deepEqual(
        tellBetween(before, after).map(({ tone, text }) => `${tone}: ${text}`),
        wanted,
      );
    });
  }
});

test('a browser that takes the change has the model, and of no change nothing is sent', () => {
  const services = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.record({
      parts: fc.dictionary(
        fc.constantFrom('west', 'east'),
        fc.record({ ready: fc.nat(2), total: fc.constant(2) }),
        {
          minKeys: 1,
        },
      ),
    }),
  );
  const model = fc.tuple(services, fc.boolean(), fc.array(fc.string(), { maxLength: 1 }));
  fc.assert(
    fc.property(model, model, (from, to) => {
      const [before, after] = [modelOf(...from), modelOf(...to)];
      const change = changeBetween(before, after);
      const sent = change && (JSON.parse(JSON.stringify(change)) as typeof change);
      assert.deepEqual(sent === undefined ? before : withChange(before, sent), after);
      assert.equal(changeBetween(after, structuredClone(after)), undefined);
    }),
    { numRuns: 60 },
  );
});
