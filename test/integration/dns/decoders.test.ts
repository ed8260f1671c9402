/** Generated answers as two DNS libraries that others wrote read them: dnspython says what dns-packet says. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Answer } from 'dns-packet';
import * as fc from 'fast-check';
import { canonicalIp } from '../../../src/api/ip.ts';
import { RRType } from '../../../src/zone/records.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { must } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';
import { fastPath } from '../../unit/dns/support/fast.ts';
import { opt, query, type Reading, read } from '../../unit/dns/support/messages.ts';
import { anEvent, happen, QUESTIONS } from '../../unit/zone/arbitraries.ts';

const ZONES = 6;
/** Zones of this seed have answers of every type; others are new ones each time. */
const SEED = 2;

// The distribution's Python, which has its packages: another may come first in PATH.
const PYTHON = '/usr/bin/python3';
const missing = await requirePackages(['python3-dnspython']);

test(
  'dnspython reads every generated answer, and in it what dns-packet does',
  { skip: missing ?? false },
  async () => {
    const responses: Buffer[] = [];
    let zones = 0;
    const histories = fc.array(anEvent, { minLength: 20, maxLength: 30 });
    const sampled = [
      ...fc.sample(histories, { numRuns: ZONES / 2, seed: SEED }),
      ...fc.sample(histories, ZONES / 2),
    ];
    for (const events of sampled) {
      const zone = new Zone({ reverseZones: ['243.0.0.0/16'], advertise: ['192.0.2.53', '2001:db8::53'] });
      zone.replaceImports([]);
      zone.replaceSlices([]);
      for (const event of events) happen(zone, event);
      const { send } = fastPath(zone);
      // A third of them is of each zone: together all.
      const third = zones++ % 3;
      for (const [index, { labels, type }] of QUESTIONS.entries()) {
        if ((index + Math.floor(index / 6)) % 3 !== third) continue;
        const extra = index % 2 === 0 ? [opt({ size: 1232, dnssecOk: index % 4 === 0 })] : [];
        const message = query({ name: labels.join('.'), type, extra });
        // The second time from the table.
        for (let time = 0; time < 2; time++) responses.push(send(message).response!);
      }
    }
    const input = responses.map((response) => `${response.toString('hex')}\n`).join('');
    const output = await must(PYTHON, [join(import.meta.dirname, 'support/decode.py')], { input });
    const lines = output.trimEnd().split('\n');
    assert.equal(lines.length, responses.length);
    const types = new Set<string>();
    for (const [index, line] of lines.entries()) {
      const reading = read(responses[index]!);
      for (const record of reading.answers ?? []) types.add(record.type);
      assert.deepEqual(JSON.parse(line), inWords(reading), responses[index]!.toString('hex'));
    }
    for (const type of ['A', 'SRV', 'SOA', 'HINFO']) assert.ok(types.has(type), `no ${type}`);
  },
);

/** What dns-packet read, in dnspython's words. */
function inWords(reading: Reading): object {
  const sections = [reading.answers, reading.authorities, reading.additionals].map((section) =>
    (section ?? []).filter(({ type }) => type !== 'OPT').map(line),
  );
  const bits = { AA: reading.flag_aa, TC: reading.flag_tc, RD: reading.flag_rd, RA: reading.flag_ra };
  const flags = Object.entries(bits).flatMap(([name, set]) => (set ? [name] : []));
  const edns = (reading.additionals ?? []).some(({ type }) => type === 'OPT') ? 0 : -1;
  return { rcode: reading.rcode, flags, sections, edns };
}

function line(record: Answer): string {
  const { name, type, ttl } = record as { name: string; type: keyof typeof RRType; ttl?: number };
  return `${absolute(name)} ${ttl} ${RRType[type]} ${dataOf(record)}`;
}

const absolute = (name: string): string => (name === '.' ? '.' : `${name}.`);

function dataOf(record: Answer): string {
  if (record.type === 'A') return record.data;
  if (record.type === 'AAAA') return canonicalIp(record.data);
  if (record.type === 'NS' || record.type === 'PTR') return absolute(record.data);
  if (record.type === 'TXT') return `"${Buffer.concat(record.data as Buffer[]).toString()}"`;
  if (record.type === 'HINFO') return `"${record.data.cpu}" "${record.data.os}"`;
  if (record.type === 'SRV') {
    const { priority, weight, port, target } = record.data;
    return `${priority} ${weight} ${port} ${absolute(target)}`;
  }
  if (record.type === 'SOA') {
    const { mname, rname, serial, refresh, retry, expire, minimum } = record.data;
    return [absolute(mname), absolute(rname), serial, refresh, retry, expire, minimum].join(' ');
  }
  throw new Error(`no answer has ${record.type}`);
}
