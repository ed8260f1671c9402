import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseCidr } from '../../../src/api/cidr.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import {
  IMPORT_RULES_REF,
  importRulesManifest,
  type ImportRules,
  parseImportRules,
  publishImportRules,
} from '../../../src/discovery/import-rules.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { StoreError } from '../../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

const rules = {
  from: ['west', 'north'],
  namespaces: [],
  denied: ['kube-system'],
  ownCidrs: [parseCidr('10.1.0.0/16'), parseCidr('fd00::/48')],
  clustersetCidrs: [parseCidr('242.0.0.0/16')],
  expireAfterMs: 1500,
} satisfies ImportRules;

it('what is written is what is read', () => {
  const labels = fc.uniqueArray(fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/), { maxLength: 4 });
  const any = fc.record(
    {
      ...{ from: labels, namespaces: labels, denied: labels },
      ownCidrs: fc.subarray(rules.ownCidrs, { minLength: 1 }),
      clustersetCidrs: fc.constant(rules.clustersetCidrs),
      expireAfterMs: fc.integer({ min: 1 }),
    },
    { requiredKeys: ['from', 'namespaces', 'denied'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(any, (given) => assert.deepEqual(parseImportRules(importRulesManifest(given)), given)),
  );
});

it('what makes no sense is left out', () => {
  const manifest = importRulesManifest(rules);
  const data = { 'import-from': 'west, ,NO!,', 'expire-after-seconds': 'soon', 'own-cidrs': '10.1' };
  assert.deepEqual(parseImportRules({ ...manifest, data }), {
    from: ['west'],
    namespaces: [],
    denied: [],
  });
});

describe('telling them', () => {
  const tell = async (errors: StoreError[]) => {
    const clock = new FakeClock();
    const memory = new MemoryStore({ location: 'west', clock });
    let calls = 0;
    const member = new Proxy(memory, {
      get: (target, field, receiver) =>
        field !== 'apply'
          ? Reflect.get(target, field, receiver)
          : (...args: Parameters<MemoryStore['apply']>) => {
              const error = errors[calls++];
              return error === undefined ? target.apply(...args) : Promise.reject(error);
            },
    });
    const stop = new AbortController();
    const told = publishImportRules(rules, { member, clock, random: () => 0, log: silentLog }, stop.signal);
    await clock.advance(60_000);
    stop.abort();
    await told;
    return { calls, there: await memory.get(Kinds.ConfigMap, IMPORT_RULES_REF) };
  };

  it('goes on until the API server takes it', async () => {
    const away = new StoreError('unavailable', 'away');
    const { calls, there } = await tell([away, away]);
    assert.equal(calls, 3);
    assert.ok(there);
    assert.deepEqual(parseImportRules(there), rules);
  });

  it('is given up where it is not allowed', async () => {
    const { calls } = await tell([new StoreError('forbidden', 'no')]);
    assert.equal(calls, 1);
  });
});
