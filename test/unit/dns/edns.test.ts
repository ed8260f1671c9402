/** EDNS as clients of all kinds use it: the probes of the EDNS compliance tests, and each option. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Transport } from '../../../src/dns/counters.ts';
import type { Protocol } from '../../../src/dns/protocol.ts';
import { zoneOf } from '../zone/driver.ts';
import { opt, option, query, queryPath, read, uint16s } from './support/messages.ts';
import { proxyHeader } from './support/proxy-header.ts';

const SOA = 6;
const Z = 'clusterset.local';
const secret = Buffer.from('e5e973e5a6b2a43f48e7dc849e37bfcf', 'hex');
const many = Array.from({ length: 300 }, (_, n) => `10.9.${n >> 8}.${n & 255}`);
const zone = zoneOf({
  'shop/big': { type: 'Headless', from: { west: { endpoints: many } } },
  'shop/sticky': {
    policy: 'weighted',
    affinity: true,
    from: Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`c${n}`, { ips: [`10.0.0.${n + 1}`] }])),
  },
});

const path = (settings: Partial<Protocol> = {}) =>
  queryPath(zone, undefined, { cookieSecrets: () => [secret], now: () => 1559731985, ...settings });

/** What a response says, in the words of the compliance tests. */
function gist(bytes: Buffer | undefined) {
  assert.ok(bytes);
  const response = read(bytes);
  const [found] = (response.additionals ?? []).filter(({ type }) => type === 'OPT') as {
    ednsVersion: number;
    flags: number;
    udpPayloadSize: number;
    extendedRcode: number;
    options: { code: number; data: Buffer }[];
  }[];
  return {
    rcode: response.rcode + 16 * (found?.extendedRcode ?? 0),
    soa: response.answers?.some(({ type }) => type === 'SOA') ?? false,
    opt: found !== undefined,
    version: found?.ednsVersion,
    flags: found?.flags,
    options: (found?.options ?? []).map(({ code }) => code),
    option: (code: number) => {
      const at = bytes.indexOf(
        uint16s(code, found?.options.find((one) => one.code === code)?.data.length ?? 0),
      );
      return found?.options.some((one) => one.code === code) === true
        ? bytes.subarray(at + 4, at + 4 + bytes.readUInt16BE(at + 2))
        : undefined;
    },
    tc: response.flag_tc,
    bits: bytes.readUInt16BE(2),
    length: bytes.length,
    questions: response.questions?.length ?? 0,
    answers: response.answers ?? [],
  };
}

const clientCookie = Buffer.from('2464c4abcf10c957', 'hex');
const cookieOption = option(10, clientCookie);
const soa = (extra: Buffer[] = [], more = {}): Buffer =>
  query({ name: Z, type: SOA, flags: 0, extra, ...more });

suite('EDNS compliance (DNS flag day 2019)', () => {
  const ok = { rcode: 0, soa: true, opt: true, version: 0 };
  const badVersion = { rcode: 16, soa: false, opt: true, version: 0, options: [] };
  const rows: Record<string, { ask: Buffer; over?: Transport; is: object }> = {
    plain: { ask: soa(), is: { rcode: 0, soa: true, opt: false } },
    'plain over TCP': { ask: soa(), over: 'tcp', is: { rcode: 0, soa: true, opt: false } },
    edns: { ask: soa([opt()]), is: { ...ok, options: [] } },
    ednstcp: { ask: soa([opt()]), over: 'tcp', is: ok },
    edns1: { ask: soa([opt({ version: 1 })]), is: badVersion },
    edns1opt: { ask: soa([opt({ version: 1, data: option(100, Buffer.alloc(0)) })]), is: badVersion },
    edns1do: { ask: soa([opt({ version: 1, dnssecOk: true })]), is: { ...badVersion, flags: 0x8000 } },
    ednsopt: { ask: soa([opt({ data: option(100, Buffer.alloc(0)) })]), is: { ...ok, options: [] } },
    ednsflags: {
      ask: soa([Buffer.from('0000291000000000400000', 'hex')]),
      is: { ...ok, flags: 0 },
    },
    do: { ask: soa([opt({ dnssecOk: true })]), is: { ...ok, flags: 0x8000 } },
    docookie: {
      ask: soa([opt({ dnssecOk: true, data: cookieOption })]),
      is: { ...ok, flags: 0x8000, options: [10] },
    },
    cookie: { ask: soa([opt({ data: cookieOption })]), is: { ...ok, options: [10] } },
    optlist: {
      ask: soa([
        opt({
          data: Buffer.concat([
            option(3, Buffer.alloc(0)),
            option(8, Buffer.from([0, 1, 0, 0])),
            option(9, Buffer.alloc(0)),
            cookieOption,
          ]),
        }),
      ]),
      is: { ...ok, options: [10] },
    },
    'edns@512': {
      ask: query({ name: `big.shop.svc.${Z}`, flags: 0, extra: [opt({ size: 512, dnssecOk: true })] }),
      is: { rcode: 0, opt: true, tc: true, answers: [] },
    },
    'edns@512 over TCP': {
      ask: query({ name: `big.shop.svc.${Z}`, flags: 0, extra: [opt({ size: 512, dnssecOk: true })] }),
      over: 'tcp',
      is: { rcode: 0, opt: true, tc: false },
    },
    type1000: { ask: query({ name: Z, type: 1000, flags: 0 }), is: { rcode: 0, soa: false, opt: false } },
    zflag: { ask: soa([], { flags: 0x0040 }), is: { rcode: 0, soa: true, bits: 0x8400 } },
    adflag: { ask: soa([], { flags: 0x0020 }), is: { rcode: 0, soa: true, bits: 0x8400 } },
    cdflag: { ask: soa([], { flags: 0x0010 }), is: { rcode: 0, soa: true, bits: 0x8400 } },
    aaflag: { ask: soa([], { flags: 0x0400 }), is: { rcode: 0, soa: true, bits: 0x8400 } },
    rdflag: { ask: soa([], { flags: 0x0100 }), is: { rcode: 0, soa: true, bits: 0x8500 } },
    opcode: {
      ask: query({ counts: [0, 0, 0, 0], flags: 15 << 11 }).subarray(0, 12),
      is: { rcode: 4, questions: 0, opt: false },
    },
    'opcode and flags': {
      ask: query({ counts: [0, 0, 0, 0], flags: (15 << 11) | 0x0530 }).subarray(0, 12),
      is: { rcode: 4, questions: 0, opt: false },
    },
  };
  for (const [probe, { ask, over, is }] of Object.entries(rows)) {
    test(probe, () => {
      const full = gist(path().send(ask, over));
      const seen = Object.fromEntries(Object.keys(is).map((key) => [key, full[key as keyof typeof full]]));
      assert.deepEqual(seen, is);
      if (over !== 'tcp' && probe === 'edns@512') assert.ok(full.length <= 512);
    });
  }
});

suite('cookies', () => {
  const made = Buffer.concat([clientCookie, Buffer.from('010000005cf79f111f8130c3eee29480', 'hex')]);
  const client = { address: '198.51.100.100' };
  const withCookie = (cookie: Buffer): Buffer => soa([opt({ data: option(10, cookie) })]);

  test('a client cookie gets a server cookie, and with that the same again', () => {
    const { send } = path();
    assert.deepEqual(gist(send(withCookie(clientCookie), 'udp', client)).option(10), made);
    assert.deepEqual(gist(send(withCookie(made), 'udp', client)).option(10), made);
  });

  test('one that is wrong, old or of another server is answered, with a new one', () => {
    const wrong = Buffer.concat([clientCookie, Buffer.alloc(16, 7)]);
    const response = gist(path().send(withCookie(wrong), 'udp', client));
    assert.deepEqual([response.rcode, response.soa], [0, true]);
    assert.deepEqual(response.option(10), made);
    const short = Buffer.concat([clientCookie, Buffer.alloc(8)]);
    assert.deepEqual(gist(path().send(withCookie(short), 'udp', client)).option(10), made);
  });

  for (const length of [0, 7, 9, 15, 41]) {
    test(`one of ${length} bytes is malformed`, () => {
      assert.equal(gist(path().send(withCookie(Buffer.alloc(length)), 'udp', client)).rcode, 1);
    });
  }

  test('errors and truncated answers carry them too', () => {
    const { send } = path();
    const extra = [opt({ data: cookieOption, size: 512 })];
    const refused = gist(send(query({ name: 'example.com', extra })));
    assert.deepEqual([refused.rcode, refused.options], [5, [15, 10]]);
    const truncated = gist(send(query({ name: `big.shop.svc.${Z}`, extra })));
    assert.deepEqual([truncated.tc, truncated.options], [true, [10]]);
  });
});

suite('rate limiting', () => {
  const rateLimit = { perSecond: 1, slip: 1 };
  test('over the rate a client is told to come over TCP, where it is answered', () => {
    const { send, counters } = path({ rateLimit });
    assert.equal(gist(send(soa())).soa, true);
    const slipped = gist(send(soa()));
    assert.deepEqual([slipped.tc, slipped.soa], [true, false]);
    assert.equal(gist(send(soa(), 'tcp')).soa, true);
    assert.equal(counters.rateSlipped, 1);
  });
  test('one with a client cookie is told BADCOOKIE, and with the cookie from that it is answered', () => {
    const { send } = path({ rateLimit });
    send(soa());
    const told = gist(send(soa([opt({ data: cookieOption })])));
    assert.deepEqual([told.rcode, told.options], [23, [10]]);
    const cookie = told.option(10);
    assert.ok(cookie);
    for (let n = 0; n < 5; n++) {
      assert.equal(gist(send(soa([opt({ data: option(10, cookie) })]))).soa, true);
    }
  });
  test('those that do not slip get nothing', () => {
    const { send, counters } = path({ rateLimit: { perSecond: 1, slip: 2 } });
    const sent = Array.from({ length: 5 }, () => send(soa()) !== undefined);
    assert.deepEqual(sent, [true, true, false, true, false]);
    assert.deepEqual([counters.rateSlipped, counters.rateDropped], [2, 2]);
  });
});

suite('what the server says of itself', () => {
  const chaos = (name: string): Buffer => query({ name, type: 16, class: 3, extra: [opt()] });
  test('NSID to those who ask for it', () => {
    const ask = soa([opt({ data: option(3, Buffer.alloc(0)) })]);
    assert.equal(
      gist(path({ nsid: 'dns-7' }).send(ask))
        .option(3)
        ?.toString(),
      'dns-7',
    );
    assert.deepEqual(gist(path({ nsid: 'dns-7' }).send(soa([opt()]))).options, []);
    assert.deepEqual(gist(path().send(ask)).options, []);
  });
  test('version.bind and id.server are refused, with the reason, unless they are turned on', () => {
    const off = gist(path().send(chaos('version.bind')));
    assert.deepEqual([off.rcode, off.options], [5, [15]]);
    const on = path({ identity: { version: 'pharos 1', id: 'dns-7' } });
    const texts = ['version.bind', 'ID.server', 'hostname.bind'].map((name) => {
      const [record] = gist(on.send(chaos(name))).answers as { data: Buffer[]; class: string }[];
      assert.equal(record?.class, 'CH');
      return record?.data.toString();
    });
    assert.deepEqual(texts, ['pharos 1', 'dns-7', 'dns-7']);
    assert.equal(gist(on.send(chaos('authors.bind'))).rcode, 5);
  });
});

suite('keep-alive and padding', () => {
  test('a client over TCP that asks is told the idle time, over UDP it is not', () => {
    const ask = soa([opt({ data: option(11, Buffer.alloc(0)) })]);
    const tcp = { address: '192.0.2.1', idleTenths: 100 };
    assert.deepEqual(gist(path().send(ask, 'tcp', tcp)).option(11), uint16s(100));
    assert.deepEqual(gist(path().send(ask)).options, []);
  });
  test('encrypted answers are padded for those who pad', () => {
    const ask = soa([opt({ data: option(12, Buffer.alloc(30)) })]);
    const encrypted = { address: '192.0.2.1', encrypted: true };
    assert.equal(gist(path().send(ask, 'tcp', encrypted)).length, 468);
    const big = query({ name: `big.shop.svc.${Z}`, extra: [opt({ data: option(12, Buffer.alloc(0)) })] });
    assert.equal(gist(path().send(big, 'tcp', encrypted)).length % 468, 0);
    assert.deepEqual(gist(path().send(ask, 'tcp', { address: '192.0.2.1' })).options, []);
  });
});

suite('who asks, as a trusted peer says', () => {
  const trusts = (address: string): boolean => address === '192.0.2.1';
  const sticky = { name: `sticky.shop.svc.${Z}` };
  const answerTo = (ask: Buffer, address: string, settings: Partial<Protocol> = { trusts }): string => {
    const { answers } = gist(path(settings).send(ask, 'udp', { address }));
    return answers.map((record) => (record.type === 'A' ? record.data : '')).join();
  };
  const clients = Array.from({ length: 20 }, (_, n) => `10.7.0.${n + 1}`);
  const subnet = (address: string): Buffer =>
    option(8, Buffer.concat([Buffer.from([0, 1, 32, 0]), Buffer.from(address.split('.').map(Number))]));

  test('the client in a PROXY header counts for affinity', () => {
    for (const client of clients) {
      const ask = Buffer.concat([proxyHeader(client, 'udp'), query(sticky)]);
      assert.equal(answerTo(ask, '192.0.2.1'), answerTo(query(sticky), client));
    }
    assert.ok(new Set(clients.map((client) => answerTo(query(sticky), client))).size > 2);
  });
  test('so does the client subnet, and its scope comes back', () => {
    for (const client of clients) {
      const ask = query({ ...sticky, extra: [opt({ data: subnet(client) })] });
      assert.equal(answerTo(ask, '192.0.2.1'), answerTo(query(sticky), client));
    }
    const ask = query({ ...sticky, extra: [opt({ data: subnet('10.7.0.1') })] });
    assert.deepEqual(gist(path({ trusts }).send(ask)).option(8), Buffer.from([0, 1, 32, 32, 10, 7, 0, 1]));
  });
  test('neither counts from anybody else', () => {
    const own = answerTo(query(sticky), '192.0.2.9');
    for (const client of clients) {
      const ask = query({ ...sticky, extra: [opt({ data: subnet(client) })] });
      assert.equal(answerTo(ask, '192.0.2.9'), own);
    }
    const proxied = Buffer.concat([proxyHeader('10.7.0.1', 'udp'), query(sticky)]);
    assert.equal(gist(path({ trusts }).send(proxied, 'udp', { address: '192.0.2.9' })).rcode, 4);
  });
  for (const [what, data] of Object.entries({
    'of an unknown family': [0, 3, 8, 0, 10],
    'with a prefix over the address': [0, 1, 33, 0, 10, 0, 0, 0, 0],
    'with bytes missing': [0, 1, 24, 0, 10],
    'with bits beyond its prefix': [0, 1, 4, 0, 0x1f],
    'with a scope in a query': [0, 1, 8, 8, 10],
    'that is cut': [0, 1],
  })) {
    test(`a client subnet ${what} is malformed`, () => {
      const ask = query({ ...sticky, extra: [opt({ data: option(8, Buffer.from(data)) })] });
      assert.equal(gist(path({ trusts }).send(ask)).rcode, 1);
    });
  }
});

test('refusals say why', () => {
  const { send } = path();
  const code = (ask: Buffer): number | undefined => gist(send(ask)).option(15)?.readUInt16BE(0);
  const extra = [opt()];
  assert.equal(code(query({ name: 'example.com', extra })), 20);
  assert.equal(code(query({ name: Z, type: 252, extra })), 18);
  assert.equal(code(query({ name: Z, class: 4, extra })), 21);
});
