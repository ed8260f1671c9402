import assert from 'node:assert/strict';
import { it } from 'node:test';
import { explainRoute } from '../../../src/commands/dns-explain.ts';
import type { Explanation } from '../../../src/explain/explanation.ts';
import type { Reply } from '../../../src/observability/http.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { ZoneHistory } from '../../../src/zone/history.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { objectsOf } from '../zone/driver.ts';

let now = Date.parse('2026-11-25T01:00:00Z');
const clock = { ...systemClock, now: () => now };
const zone = new Zone({ history: new ZoneHistory(() => now) });
const set = (endpoint: string): void => {
  const { imports, slices } = objectsOf({
    'shop/web': { from: { west: { ips: ['10.2.0.1'], endpoints: [endpoint] } } },
  });
  zone.replaceImports(imports);
  zone.replaceSlices(slices);
};
set('10.2.9.9');
now += 600_000;
set('10.2.9.9 unready');
now += 600_000;

const route = explainRoute(zone, 'east', clock);
const ask = async (query: string, toLoopback = true): Promise<Reply> =>
  (await route.reply({}, { query: new URLSearchParams(query), header: () => '', toLoopback })) as Reply;
const told = async (query: string): Promise<Explanation> =>
  JSON.parse((await ask(query)).body) as Explanation;

it('a DNS server explains to its own machine alone', async () => {
  assert.equal((await ask('name=web.shop', false)).status, 403);
  assert.equal((await ask('name=web.shop')).status, 200);
});

it('it says since when, and that it looked at nothing behind its zone', async () => {
  const { candidates, verdict, unknown } = await told('name=web.shop');
  assert.equal(verdict.cause, 'not-ready');
  assert.equal(candidates[0]?.since, '2026-11-25T01:10:00.000Z');
  assert.match(unknown.join(), /^The objects behind the zone: /);
});

it('it says what was answered at a moment that it remembers, and since when it does', async () => {
  for (const at of ['15m', '2026-11-25T01:05:00Z']) {
    const { at: moment, verdict, answer } = await told(`name=web.shop&at=${at}`);
    assert.equal(moment, '2026-11-25T01:05:00.000Z');
    assert.equal(verdict.answer, 'records');
    assert.deepEqual(answer.answer, ['web.shop.svc.clusterset.local. 5 IN A 10.2.0.1']);
  }
  const early = await ask('name=web.shop&at=1h');
  assert.equal(early.status, 404);
  assert.match(early.body, /is not known here: what was is remembered since 2026-11-25T01:00:00\.000Z/);
});

it('a question that is none is answered with what is wrong', async () => {
  for (const [query, wrong] of [
    ['', /Say which name/],
    ['name=a..b', /not a domain name/],
    ['name=web.shop&type=Q', /not a record type/],
    ['name=web.shop&from=me', /must be the client's IP address/],
    ['name=web.shop&at=soon', /must be how long ago/],
  ] as const) {
    const { status, body } = await ask(query);
    assert.equal(status, 400, query);
    assert.match(body, wrong);
  }
});
