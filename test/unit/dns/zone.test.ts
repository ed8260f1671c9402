import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { RRType, type Answer, type Question } from '../../../src/zone/records.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { anEvent, happen, QUESTIONS } from '../zone/arbitraries.ts';
import { seen, shown } from './support/decoded.ts';
import { opt, query, queryPath, type Reading } from './support/messages.ts';

const CLIENTS = ['192.0.2.1', '192.0.2.2'];

/** What a response says, by another library's reading. */
const said = (response: Reading): object => ({
  rcode: response.rcode,
  aa: response.flag_aa,
  answer: response.answers?.map(seen),
  authority: response.authorities?.map(seen),
  additional: response.additionals?.filter(({ type }) => type !== 'OPT').map(seen),
  ede: edeOf(response),
});

function edeOf({ additionals = [] }: Reading): string | undefined {
  const opts = additionals.find(({ type }) => type === 'OPT');
  const [option] = opts?.type === 'OPT' ? opts.options : [];
  const data = option as { data: Buffer } | undefined;
  return data && `${data.data.readUInt16BE(0)} ${data.data.toString('utf8', 2)}`;
}

/** The same of an answer of the zone's. */
function meant(answer: Answer, serial: number): object {
  const ede = answer.ede && `${answer.ede.code} ${answer.ede.text}`;
  const none = { answer: [], authority: [], additional: [], ede };
  switch (answer.kind) {
    case 'records': {
      const [records, additional] = [answer.answer.map(shown), answer.additional.map(shown)];
      return { ...none, rcode: 0, aa: true, answer: records, additional };
    }
    case 'nodata':
    case 'nxdomain': {
      const { soa } = answer;
      assert.ok(soa.type === 'SOA');
      const authority = [shown({ ...soa, serial, ttl: Math.min(soa.ttl, soa.minimum) })];
      return { ...none, rcode: answer.kind === 'nodata' ? 0 : 3, aa: true, authority };
    }
    case 'refused':
      return { ...none, rcode: 5, aa: false };
    case 'not-synced':
      return { ...none, rcode: 2, aa: false };
    default:
      return answer satisfies never;
  }
}

// Questions about the service that most events are about, and one of each other kind.
const FOCUS = QUESTIONS.filter(({ labels, type }, index) => {
  const service = labels.slice(-5, -2).join('.');
  return index % 37 === 0 || (service === 'web.shop.svc' && labels.length < 7 && type !== RRType.ANY);
});

test('whatever happens to the zone, each response is an answer that the zone gives now', () => {
  const events = fc.array(anEvent, { maxLength: 20 });
  const entries = fc.constantFrom(10, 1000);
  fc.assert(
    fc.property(events, entries, fc.nat(9), (events, entries, chance) => {
      const zone = new Zone({ reverseZones: ['243.0.0.0/8', 'fd43::/16'], advertise: ['192.0.2.1'] });
      if (chance > 0) {
        zone.replaceImports([]);
        zone.replaceSlices([]);
      }
      const { ask, counters } = queryPath(zone, { entries, bytes: 1e6 });
      const check = ({ labels, type }: Question, address: string): void => {
        const message = query({ name: labels.join('.'), type, extra: [opt()] });
        const response = said(ask(message, 'tcp', { address }));
        const first = zone.answer({ labels, type }, { turn: 0, client: address });
        const turns = first.kind === 'records' ? first.period : 1;
        const possible = Array.from({ length: turns }, (_, turn) =>
          meant(zone.answer({ labels, type }, { turn, client: address }), zone.serial),
        );
        if (!possible.some((each) => isDeepStrictEqual(each, response)))
          assert.deepEqual(response, possible[0]);
      };
      for (const event of events) {
        for (const question of FOCUS) for (const client of CLIENTS) check(question, client);
        happen(zone, event);
        for (const question of FOCUS) for (const client of CLIENTS) check(question, client);
      }
      assert.ok(counters.failures === 0);
    }),
    { numRuns: 40 },
  );
});
