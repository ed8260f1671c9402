import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import * as fc from 'fast-check';
import { canonicalIp } from '../../../src/api/ip.ts';
import { encodeAnswer, type Finished } from '../../../src/dns/encode.ts';
import { MAX_MESSAGE } from '../../../src/dns/header.ts';
import { MessageWriter } from '../../../src/dns/writer.ts';
import type { Answer, ResourceRecord } from '../../../src/zone/records.ts';
import { bare, seen, shown } from './support/decoded.ts';
import { a, address, explained, records, soa, ZONE } from './support/fake-source.ts';
import { uint16s, wireName } from './support/messages.ts';

const writer = new MessageWriter(Buffer.alloc(MAX_MESSAGE));

function encode(answer: Answer, name = 'svc.ns.svc.clusterset.local'): Finished {
  const question = Buffer.concat([wireName(name), uint16s(1, 1)]);
  return encodeAnswer(answer, question, name === '' ? [] : name.toLowerCase().split('.'), writer);
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const name = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => `${labels.join('.')}.ns.svc.${ZONE}`);
const ttl = fc.integer({ min: 0, max: 0x7fff_ffff });
const word = fc.integer({ min: 0, max: 0xffff });
const long = fc.integer({ min: 0, max: 0xffff_ffff });
const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 200 });
const record: fc.Arbitrary<ResourceRecord> = fc.oneof(
  fc.record({ type: fc.constant('A' as const), name, ttl, address: fc.ipV4() }),
  fc.record({ type: fc.constant('AAAA' as const), name, ttl, address: fc.ipV6() }),
  fc.record({ type: fc.constantFrom('NS' as const, 'PTR' as const), name, ttl, target: name }),
  fc.record({ type: fc.constant('TXT' as const), name, ttl, text: fc.string({ maxLength: 600 }) }),
  fc.record({ type: fc.constant('HINFO' as const), name, ttl, cpu: ascii, os: ascii }),
  fc.record({
    type: fc.constant('SRV' as const),
    name,
    ttl,
    priority: word,
    weight: word,
    port: word,
    target: name,
  }),
  fc.record({
    type: fc.constant('SOA' as const),
    name,
    ttl,
    primary: name,
    mailbox: name,
    serial: long,
    refresh: long,
    retry: long,
    expire: long,
    minimum: long,
  }),
);
const someRecords = fc.array(record, { maxLength: 12 });

test('what another library decodes is what the answer holds', () => {
  fc.assert(
    fc.property(name, someRecords, someRecords, (asked, answer, additional) => {
      const { bytes, coreEnd, additionals } = encode(records(answer, { additional }), bare(asked));
      const decoded = dnsPacket.decode(bytes);
      assert.deepEqual(decoded.questions, [{ name: bare(asked), type: 'A', class: 'IN' }]);
      assert.deepEqual(decoded.answers?.map(seen), answer.map(shown));
      assert.deepEqual(decoded.additionals?.map(seen), additional.map(shown));
      assert.equal(dnsPacket.decode.bytes, bytes.length);
      assert.ok(coreEnd <= bytes.length);
      assert.equal(additionals, additional.length);
    }),
  );
});

test('IPv6 addresses encode the same however they are written', () => {
  for (const text of [
    '2001:db8::1',
    '2001:DB8:0:0:0:0:0:1',
    '::',
    '::1',
    '1::',
    '::ffff:192.0.2.1',
    'fe80::1:0:0:1',
  ]) {
    const answer = records([{ type: 'AAAA', name: ZONE, ttl: 5, address: text }]);
    const [decoded] = dnsPacket.decode(encode(answer).bytes).answers ?? [];
    assert.equal(canonicalIp(decoded?.type === 'AAAA' ? decoded.data : ''), canonicalIp(text));
  }
});

test('a negative answer holds for the lesser of the SOA TTL and its minimum, and an SOA asked for keeps its TTL', () => {
  const ttlOf = (answer: Answer): unknown => {
    const { answers, authorities } = dnsPacket.decode(encode(answer).bytes);
    const [found] = [...(answers ?? []), ...(authorities ?? [])];
    return found?.type === 'SOA' ? found.ttl : undefined;
  };
  assert.equal(ttlOf({ ...explained(), kind: 'nxdomain', soa: soa(1, 60, 5) }), 5);
  assert.equal(ttlOf({ ...explained(), kind: 'nodata', soa: soa(1, 3, 60) }), 3);
  assert.equal(ttlOf(records([soa(1, 60, 5)])), 60);
});

test('the place of the serial is known', () => {
  const { bytes, serialAt } = encode({ ...explained(), kind: 'nxdomain', soa: soa(0xdead_beef) });
  assert.equal(bytes.readUInt32BE(serialAt), 0xdead_beef);
  assert.equal(encode(records([a(ZONE, '192.0.2.1')])).serialAt, 0);
});

test('equal names are written once', () => {
  const asked = `svc.ns.svc.${ZONE}`;
  const { bytes } = encode(records([a(asked, '192.0.2.1'), a(asked, '192.0.2.2')]));
  const question = wireName(asked).length + 4;
  assert.equal(bytes.length, 12 + question + 2 * 16);
});

test('the target of SRV is not compressed (RFC 2782)', () => {
  const target = `svc.ns.svc.${ZONE}`;
  const srv = { type: 'SRV', name: target, ttl: 5, priority: 0, weight: 1, port: 80, target } as const;
  const { bytes } = encode(records([srv]));
  assert.ok(bytes.includes(wireName(target), 12 + wireName(target).length));
});

test('a dot within a label of the question does not make it another name', () => {
  const question = Buffer.concat([Buffer.from([6]), Buffer.from('ns.dns'), wireName(ZONE), uint16s(1, 1)]);
  const answer = { ...explained(), kind: 'nxdomain', soa: soa(1) } as const;
  const { bytes } = encodeAnswer(answer, question, ['ns.dns', 'clusterset', 'local'], writer);
  // The primary, "ns.dns.clusterset.local.", must be there in two labels.
  assert.ok(bytes.includes(Buffer.from('\x02ns\x03dns')));
});

test('of more than 64 KiB the first records that fit are kept, and nothing after them', () => {
  const many = Array.from({ length: 6000 }, (_, n) => a(ZONE, address(n)));
  const extra = [a(`x.${ZONE}`, '192.0.2.9')];
  const { bytes, additionals } = encode(records(many, { additional: extra }));
  const { answers = [] } = dnsPacket.decode(bytes);
  assert.ok(bytes.length <= MAX_MESSAGE);
  assert.ok(bytes.length > MAX_MESSAGE - 600, 'room is used');
  assert.deepEqual(answers.map(seen), many.slice(0, answers.length).map(shown));
  assert.equal(additionals, 0);
});

test('names beyond the reach of pointers are written in full', () => {
  const hosts = Array.from({ length: 1000 }, (_, n) => `h${n}.${ZONE}`);
  const ptrs = hosts.map((target) => ({ type: 'PTR', name: ZONE, ttl: 5, target }) as const);
  const additional = hosts.map((host, n) => a(host, address(n)));
  const decoded = dnsPacket.decode(encode(records(ptrs, { additional })).bytes);
  assert.deepEqual(decoded.additionals?.map(seen), additional.map(shown));
});

test('a record that is cut off leaves no name behind that others would point to', () => {
  // The long text fits almost; its owner's name must not be pointed at by what follows.
  const filler = Array.from({ length: 4050 }, (_, n) => a(ZONE, address(n)));
  const owner = `late.${ZONE}`;
  const answer = records([...filler, { type: 'TXT', name: owner, ttl: 5, text: 'x'.repeat(600) }]);
  assert.doesNotThrow(() => dnsPacket.decode(encode(answer).bytes));
});

test('a name that is none is an error that names it', () => {
  for (const wrong of ['no-final-dot', 'a..b.', `${'x'.repeat(64)}.${ZONE}`]) {
    assert.throws(() => encode(records([a(wrong, '192.0.2.1')])), new RegExp(`Cannot encode "${wrong}"`));
  }
});
