import assert from 'node:assert/strict';
import { test } from 'node:test';
import { feedZone } from '../../../src/commands/feed-zone.ts';
import { snapshotSources, zoneSources } from '../../../src/commands/zone-sources.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('all that a DNS server reads of a store is published in Redis and kept in a snapshot', async () => {
  const watched: string[] = [];
  const told = (kind: { readonly plural: string }, selector: object): string =>
    `${kind.plural} ${JSON.stringify(selector)}`;
  await feedZone(
    {
      store: {
        watch: (kind, selector) => {
          watched.push(told(kind, selector));
          return Promise.resolve();
        },
      },
      zone: new Zone(),
      clock: new FakeClock(),
      log: silentLog,
      staleAfter: 30,
      gateways: true,
    },
    AbortSignal.abort(),
  );
  for (const sources of [zoneSources, snapshotSources]) {
    assert.deepEqual(
      sources.map(({ kind, selector }) => told(kind, selector)).toSorted(),
      watched.toSorted(),
    );
  }
});
