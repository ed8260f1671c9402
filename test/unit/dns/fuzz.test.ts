import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from '../../fuzz/fuzz.ts';
import { violation } from '../../fuzz/invariants.ts';
import { query, uint16s } from './support/messages.ts';

test('50,000 packets, right and wrong, keep the rules', (t) => {
  const seed = Date.now() % 2 ** 32;
  t.diagnostic(`seed ${seed}`);
  const { responses, cacheHits, fastAnswers, rcodes } = fuzz({ packets: 50_000, seed });
  // The packets are worth something: all kinds of outcome were among them.
  assert.ok(responses > 25_000 && cacheHits > 2500, `${responses} responses, ${cacheHits} from the cache`);
  assert.ok(fastAnswers > 2000, `${fastAnswers} from the table`);
  for (const rcode of [0, 1, 3, 4, 5, 16]) assert.ok(rcodes[rcode]! > 50, `response code ${rcode}`);
});

test('the same seed makes the same packets', () => {
  assert.deepEqual(fuzz({ packets: 3000, seed: 7 }), fuzz({ packets: 3000, seed: 7 }));
});

test('a response that breaks a rule is seen', () => {
  const packet = query();
  const refused = Buffer.from(packet);
  refused[2] = 0x81;
  refused[3] = 5;
  const changed = (change: (response: Buffer) => void): Buffer => {
    const response = Buffer.from(refused);
    change(response);
    return response;
  };
  assert.equal(violation(packet, refused, 'udp'), undefined);
  const wrong: Record<string, Buffer | undefined> = {
    'there is no response': undefined,
    'the id is not the same': changed((response) => (response[0]! ^= 1)),
    'the question is not the same': changed((response) => (response[13] = 0x41)),
    'there are bytes after it': Buffer.concat([refused, uint16s(0)]),
    'it is negative and has no SOA': changed((response) => (response[3] = 3)),
    'RA, Z, AD or CD is set': changed((response) => (response[3] = 0x85)),
  };
  for (const [what, response] of Object.entries(wrong))
    assert.equal(violation(packet, response, 'udp'), what);
  assert.equal(violation(query({ flags: 0x8000 }), refused, 'udp'), 'what is no query got a response');
});
