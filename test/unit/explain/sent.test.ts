import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sentAnswer } from '../../../src/explain/sent.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { answerOf, zoneOf } from '../zone/driver.ts';

const zone = zoneOf({ 'shop/web': { from: { west: { ips: ['10.2.0.1'] } } } });
const SOA = /^clusterset\.local\. 5 IN SOA ns\.dns\.clusterset\.local\. /;

it('each kind of answer has its code, its section, and its time to live', () => {
  const sent = (question: string, of: Zone = zone) => sentAnswer(answerOf(of, question));
  const found = sent('A web.shop.svc.clusterset.local');
  assert.deepEqual(found, {
    rcode: 'NOERROR',
    answer: ['web.shop.svc.clusterset.local. 5 IN A 10.2.0.1'],
    authority: [],
    additional: [],
    ttl: 5,
  });
  for (const [question, rcode] of [
    ['AAAA web.shop.svc.clusterset.local', 'NOERROR'],
    ['A none.shop.svc.clusterset.local', 'NXDOMAIN'],
  ] as const) {
    const { authority, ...rest } = sent(question);
    assert.deepEqual(rest, { rcode, answer: [], additional: [], ttl: 5 });
    assert.match(authority.join(), SOA);
  }
  assert.equal(sent('A example.org').rcode, 'REFUSED');
  const early = sent('A web.shop.svc.clusterset.local', new Zone());
  assert.equal(early.rcode, 'SERVFAIL');
  assert.equal(early.ede?.code, 14);
});
