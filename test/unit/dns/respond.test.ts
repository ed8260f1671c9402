import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OWN_UDP_SIZE } from '../../../src/dns/edns.ts';
import { Rcode } from '../../../src/dns/header.ts';
import type { Answer } from '../../../src/zone/records.ts';
import { a, address, explained, FakeSource, records, soa, ZONE } from './support/fake-source.ts';
import { opt, option, query, queryPath, read, type Reading, uint16s } from './support/messages.ts';

/** `n.clusterset.local` has n addresses. */
const counted = (name: string): Answer | undefined => {
  const count = Number(name.slice(0, -ZONE.length - 1));
  if (Number.isNaN(count)) return undefined;
  return records(Array.from({ length: count }, (_, n) => a(name, address(n))));
};

const ede = { code: 22, text: 'shop/mysql: west cannot be reached' };
const source = new FakeSource((name) => {
  switch (name) {
    case `a.${ZONE}`:
      return records([a(name, '192.0.2.1')]);
    case `nodata.${ZONE}`:
      return { ...explained({ ede }), kind: 'nodata', soa: soa(source.serial) };
    case `stale.${ZONE}`:
      return records([a(name, '192.0.2.1')], { ede: { code: 3, text: '' } });
    case `early.${ZONE}`:
      return { ...explained({ ede: { code: 14, text: 'not synced' } }), kind: 'not-synced' };
    case `wordy.${ZONE}`:
      return records(
        Array.from({ length: 28 }, (_, n) => a(name, address(n))),
        {
          ede: { code: 3, text: 'x'.repeat(300) },
        },
      );
    case `broken.${ZONE}`:
      throw new Error('a bug');
    default:
      return name.endsWith(ZONE) ? counted(name) : { ...explained(), kind: 'refused' };
  }
});

const has = (response: Reading): Record<string, unknown> => ({
  rcode: response.rcode,
  aa: response.flag_aa,
  answers: response.answers?.length,
  authorities: response.authorities?.length,
});

const outcomes: Record<string, { name: string; want: Record<string, unknown> }> = {
  'an answer is authoritative': {
    name: 'a.clusterset.local',
    want: { rcode: Rcode.noError, aa: true, answers: 1, authorities: 0 },
  },
  'a name without records of the type has an SOA': {
    name: 'nodata.clusterset.local',
    want: { rcode: Rcode.noError, aa: true, answers: 0, authorities: 1 },
  },
  'a name that does not exist has an SOA': {
    name: 'nope.clusterset.local',
    want: { rcode: Rcode.nxDomain, aa: true, answers: 0, authorities: 1 },
  },
  'a name outside every zone is refused, without authority': {
    name: 'example.com',
    want: { rcode: Rcode.refused, aa: false, answers: 0, authorities: 0 },
  },
  'before the first list is in, the server fails and claims nothing': {
    name: 'early.clusterset.local',
    want: { rcode: Rcode.servFail, aa: false, answers: 0, authorities: 0 },
  },
  'a bug fails that query': {
    name: 'broken.clusterset.local',
    want: { rcode: Rcode.servFail, aa: false, answers: 0, authorities: 0 },
  },
};

for (const [sentence, { name, want }] of Object.entries(outcomes)) {
  test(`${sentence}; the same from the cache`, () => {
    const { ask, failures } = queryPath(source);
    for (const time of ['first', 'second']) assert.deepEqual(has(ask(query({ name }))), want, time);
    assert.equal(failures.length, name.startsWith('broken') ? 2 : 0);
  });
}

test('id, RD and the letters of the question come back as they were sent; RA, AD and CD are clear', () => {
  const { ask } = queryPath(source);
  for (const name of ['a.clusterset.local', 'A.cLuStErSeT.lOcAl', 'NOPE.Clusterset.Local', 'EXAMPLE.com']) {
    for (const flags of [0x0000, 0x0100, 0x0130]) {
      const sent = query({ name, flags, id: 0xbeef });
      const { bytes } = ask(sent);
      assert.equal(bytes.readUInt16BE(0), 0xbeef);
      assert.equal(bytes[2]! & 0x01, flags >> 8);
      assert.equal(bytes[3]! & 0xf0, 0);
      assert.deepEqual(bytes.subarray(12, sent.length), sent.subarray(12));
    }
  }
});

test('owner names have the letters of the question, since they point to it', () => {
  const { ask } = queryPath(source);
  ask(query());
  const { answers } = ask(query({ name: 'A.CLUSTERSET.local' }));
  assert.deepEqual(
    answers?.map(({ name }) => name),
    ['A.CLUSTERSET.local'],
  );
});

const refusals: Record<string, { message: Buffer; rcode: number; questions: number; edns: boolean }> = {
  'an unknown opcode is not implemented': {
    message: query({ flags: 0x7900 }),
    rcode: 4,
    questions: 0,
    edns: false,
  },
  'a header alone is malformed': { message: query().subarray(0, 12), rcode: 1, questions: 0, edns: false },
  'what follows a good question is malformed': {
    message: Buffer.concat([query(), Buffer.alloc(3)]),
    rcode: 1,
    questions: 1,
    edns: false,
  },
  'two OPTs are malformed, and are answered with one': {
    message: query({ extra: [opt(), opt()] }),
    rcode: 1,
    questions: 1,
    edns: true,
  },
  'class CH is refused': {
    message: query({ name: 'version.bind', type: 16, class: 3 }),
    rcode: 5,
    questions: 1,
    edns: false,
  },
  'EDNS version 1 is a bad version': {
    message: query({ extra: [opt({ version: 1, dnssecOk: true })] }),
    rcode: 16,
    questions: 1,
    edns: true,
  },
};

for (const [sentence, { message, rcode, questions, edns }] of Object.entries(refusals)) {
  test(sentence, () => {
    const { ask, counters } = queryPath(source);
    const response = ask(message);
    const [sentOpt] = response.additionals ?? [];
    const extended = sentOpt?.type === 'OPT' ? sentOpt.extendedRcode : 0;
    assert.equal(response.rcode | (extended << 4), rcode);
    assert.equal(response.questions?.length, questions);
    assert.equal(response.additionals?.length, edns ? 1 : 0);
    assert.equal(response.bytes[2]! & 0x78, message[2]! & 0x78, 'opcode');
    assert.equal(response.bytes.readUInt16BE(0), message.readUInt16BE(0));
    assert.equal(response.flag_rd, true);
    assert.equal(response.flag_aa, false);
    assert.equal(counters.responses[rcode], 1);
  });
}

for (const [what, message] of Object.entries({
  'a message of less than 12 bytes': query().subarray(0, 11),
  'a response': query({ flags: 0x8000 }),
})) {
  test(`${what} gets none`, () => {
    const { send, counters } = queryPath(source);
    assert.equal(send(message), undefined);
    assert.equal(counters.dropped, 1);
  });
}

test('OPT comes back where it was sent, with the own size and the DO bit as it was', () => {
  const { ask } = queryPath(source);
  for (const name of ['a.clusterset.local', 'nope.clusterset.local', 'example.com']) {
    for (const time of ['first', 'second']) {
      assert.deepEqual(ask(query({ name })).additionals, [], `${name}, ${time}`);
      for (const dnssecOk of [true, false]) {
        const data = option(65_001, uint16s(1));
        const [found] = ask(query({ name, extra: [opt({ dnssecOk, data })] })).additionals ?? [];
        assert.ok(found?.type === 'OPT');
        assert.deepEqual(
          [found.udpPayloadSize, found.ednsVersion, found.flag_do, found.options.length],
          [OWN_UDP_SIZE, 0, dnssecOk, 0],
        );
      }
    }
  }
});

test('an Extended DNS Error is for clients that sent OPT', () => {
  const { ask } = queryPath(source);
  const message = query({ name: 'nodata.clusterset.local', extra: [opt()] });
  for (const time of ['first', 'second']) {
    const [found] = ask(message).additionals ?? [];
    assert.ok(found?.type === 'OPT');
    const wanted = [
      { code: 15, type: 'OPTION_15', data: Buffer.concat([uint16s(22), Buffer.from(ede.text)]) },
    ];
    assert.deepEqual(found.options, wanted, time);
  }
  assert.deepEqual(ask(query({ name: 'nodata.clusterset.local' })).additionals, []);
});

test('an Extended DNS Error may have no text', () => {
  const { ask } = queryPath(source);
  const [found] = ask(query({ name: 'stale.clusterset.local', extra: [opt()] })).additionals ?? [];
  assert.ok(found?.type === 'OPT');
  assert.deepEqual(found.options[0]?.code, 15);
});

test('an Extended DNS Error that does not fit goes, and the answer stays', () => {
  const { ask } = queryPath(source);
  const small = query({ name: 'wordy.clusterset.local', extra: [opt({ size: 512 })] });
  const large = query({ name: 'wordy.clusterset.local', extra: [opt()] });
  for (const time of ['first', 'second']) {
    const response = ask(small);
    const [found] = response.additionals ?? [];
    assert.ok(found?.type === 'OPT');
    assert.deepEqual(
      [response.flag_tc, response.answers?.length, found.options.length],
      [false, 28, 0],
      time,
    );
    const [whole] = ask(large).additionals ?? [];
    assert.ok(whole?.type === 'OPT');
    assert.equal(whole.options.length, 1, time);
  }
});

// An answer to `N.clusterset.local` takes 12 + question + 16 N bytes.
const sizes: Record<string, { count: number; size?: number; tcp?: boolean; truncated: boolean }> = {
  'without OPT, 512 bytes are sent': { count: 29, truncated: false },
  'without OPT, more than 512 bytes are truncated': { count: 30, truncated: true },
  'with OPT, the client says how much': { count: 40, size: 800, truncated: false },
  'with OPT, more than that is truncated': { count: 50, size: 800, truncated: true },
  'an OPT of less than 512 bytes means 512': { count: 28, size: 100, truncated: false },
  'OPT itself takes room': { count: 35, size: 600, truncated: true },
  'what fits with OPT is sent': { count: 34, size: 600, truncated: false },
  'however much the client takes, 1232 bytes are the most': { count: 73, size: 65_535, truncated: false },
  'more than 1232 bytes are truncated': { count: 75, size: 65_535, truncated: true },
  'over TCP, all of it is sent': { count: 4000, tcp: true, truncated: false },
};

for (const [sentence, { count, size, tcp = false, truncated }] of Object.entries(sizes)) {
  test(`${sentence}; the same from the cache`, () => {
    const { ask, counters } = queryPath(source);
    const name = `${count}.clusterset.local`;
    const message = query({ name, extra: size === undefined ? [] : [opt({ size })] });
    for (const time of ['first', 'second']) {
      const response = ask(message, tcp ? 'tcp' : 'udp');
      assert.equal(response.flag_tc, truncated, time);
      assert.equal(response.flag_aa, true, time);
      assert.equal(response.answers?.length, truncated ? 0 : count, time);
      assert.equal(response.additionals?.length, size === undefined ? 0 : 1, time);
      assert.equal(response.questions?.[0]?.name, name, time);
      if (!tcp) assert.ok(response.bytes.length <= Math.min(Math.max(size ?? 512, 512), OWN_UDP_SIZE), time);
    }
    assert.equal(counters.truncated, truncated ? 2 : 0);
  });
}

test('additional records that do not fit are left out, which is no truncation', () => {
  const additional = Array.from({ length: 40 }, (_, n) => a(`h${n}.${ZONE}`, address(n)));
  const { ask } = queryPath(new FakeSource((name) => records([a(name, '192.0.2.1')], { additional })));
  for (const time of ['first', 'second']) {
    const small = ask(query());
    assert.deepEqual([small.flag_tc, small.answers?.length, small.additionals?.length], [false, 1, 0], time);
    const withOpt = ask(query({ extra: [opt({ size: 512 })] }));
    assert.deepEqual(
      withOpt.additionals?.map(({ type }) => type),
      ['OPT'],
      time,
    );
    const large = ask(query({ extra: [opt()] }));
    assert.equal(large.additionals?.length, 41, time);
  }
});

test('the zone is told who asks, and what', () => {
  const spy = new FakeSource((name) => records([a(name, '192.0.2.1')], { perClient: true }));
  const { ask } = queryPath(spy);
  ask(query({ name: 'Shop.Clusterset.Local', type: 28 }), 'udp', { address: '2001:db8::1' });
  const [asked] = spy.asked;
  assert.deepEqual(
    [asked?.name, asked?.type, asked?.asker.client],
    ['shop.clusterset.local.', 28, '2001:db8::1'],
  );
});

test('queries, responses and times are counted', () => {
  const { send, counters } = queryPath(source);
  for (let n = 0; n < 64; n++) send(query());
  send(query(), 'tcp');
  send(query({ name: 'nope.clusterset.local' }), 'tcp');
  assert.deepEqual(counters.queries, { udp: 64, tcp: 2 });
  assert.deepEqual([counters.responses[0], counters.responses[3]], [65, 1]);
  assert.deepEqual([counters.cacheHits, counters.cacheMisses], [64, 2]);
  assert.equal(
    counters.durations.reduce((sum, count) => sum + count),
    1,
  );
  assert.ok(counters.durationSum > 0);
});

test('the query itself is not changed', () => {
  const { send } = queryPath(source);
  const message = query({ name: 'A.CLUSTERSET.LOCAL', extra: [opt()] });
  const before = Buffer.from(message);
  send(message);
  assert.deepEqual(message, before);
});

test('a response reads with another library to its last byte', () => {
  const { send } = queryPath(source);
  for (const name of ['a', 'nodata', 'stale', 'wordy', 'nope', '20', '900']) {
    const bytes = send(query({ name: `${name}.clusterset.local`, extra: [opt()] }), 'tcp');
    assert.ok(bytes);
    read(bytes);
  }
});
