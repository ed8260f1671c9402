/**
 * Throws packets at the query path over a zone that changes meanwhile, and checks after each what has to hold.
 */
import type { Transport } from '../../src/dns/counters.ts';
import { fastPath } from '../unit/dns/support/fast.ts';
import { queryPath } from '../unit/dns/support/messages.ts';
import { slowly } from '../unit/dns/support/slowly.ts';
import { objectsOf, type ServiceText, zoneOf } from '../unit/zone/driver.ts';
import { violation } from './invariants.ts';
import { mutate, wellFormed } from './mutate.ts';
import { Random } from './random.ts';

const many = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `10.9.${n >> 8}.${n & 255} host=h-${n}`);

const SERVICES: Readonly<Record<string, ServiceText>> = {
  'shop/web': {
    ports: ['http 80/TCP', 'metrics 9090/TCP'],
    from: { west: { ips: ['10.96.0.1', 'fd00::1'], weight: 3 }, east: { ips: ['10.97.0.1'] } },
    policy: 'weighted',
  },
  'shop/sticky': {
    ports: ['http 80/TCP'],
    from: { west: { ips: ['10.96.0.2'] }, north: { ips: ['10.98.0.2'] } },
    policy: 'weighted',
    affinity: true,
  },
  'shop/mysql': {
    type: 'Headless',
    ports: ['mysql 3306/TCP'],
    from: {
      west: { endpoints: ['10.1.0.5 host=mysql-0', 'fd00::5 host=mysql-0', '10.1.0.6 host=mysql-1 unready'] },
      east: { endpoints: ['10.2.0.5 host=mysql-0', '10.2.0.7'] },
    },
  },
  'data/big': { type: 'Headless', ports: ['p 1/UDP'], from: { west: { endpoints: many(300) } } },
  'data/none': { type: 'Headless', from: { west: { endpoints: ['10.1.0.9 unready'] } } },
};

const NAMES = [
  '',
  'local',
  'clusterset.local',
  'svc.clusterset.local',
  'shop.svc.clusterset.local',
  'dns-version.clusterset.local',
  'ns.dns.clusterset.local',
  'web.shop.svc.clusterset.local',
  'web.shop.svc.clusterset.local',
  '_http._tcp.web.shop.svc.clusterset.local',
  'west.web.shop.svc.clusterset.local',
  'sticky.shop.svc.clusterset.local',
  'mysql.shop.svc.clusterset.local',
  '_mysql._tcp.mysql.shop.svc.clusterset.local',
  'mysql-0.west.mysql.shop.svc.clusterset.local',
  '10-2-0-7.east.mysql.shop.svc.clusterset.local',
  'big.data.svc.clusterset.local',
  '_p._udp.big.data.svc.clusterset.local',
  'h-7.west.big.data.svc.clusterset.local',
  'none.data.svc.clusterset.local',
  'gone.shop.svc.clusterset.local',
  '5.0.1.10.in-addr.arpa',
  'example.com',
];

/** Packets between two changes of the zone. */
const CHANGE_EVERY = 997;
/** One response in this many is compared with that of a server which keeps nothing. */
const COMPARE_EVERY = 16;
/** Little, so that generations turn over. */
const TABLE_BYTES = 128 * 1024;
const BOUNDS = { entries: 2000, bytes: 2 * 1024 * 1024 };

export interface Outcome {
  readonly packets: number;
  readonly responses: number;
  readonly cacheHits: number;
  readonly fastAnswers: number;
  readonly rcodes: readonly number[];
}

/** A packet that something is wrong with, and how to see it again. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** @throws {Violation} at the first packet that breaks a rule */
export function fuzz(options: {
  readonly packets: number;
  readonly seed: number;
  readonly onProgress?: (packets: number) => void;
}): Outcome {
  const random = new Random(options.seed);
  const { imports } = objectsOf(SERVICES);
  const zone = zoneOf(SERVICES, { reverseZones: ['10.1.0.0/16'] });
  const warm = queryPath(zone, BOUNDS);
  const cold = queryPath(zone, { entries: 1, bytes: 1 });
  const fast = fastPath(zone, TABLE_BYTES);
  let fastAnswers = 0;
  let responses = 0;
  let previous = wellFormed(random, NAMES);

  for (let number = 0; number < options.packets; number++) {
    const fresh = wellFormed(random, NAMES);
    const intact = random.once(3);
    const packet = intact ? fresh : mutate(random, fresh, previous);
    previous = fresh;
    const transport: Transport = random.once(4) ? 'tcp' : 'udp';
    const client = { address: random.of(['192.0.2.1', '192.0.2.2', '2001:db8::1']) };
    if (number % CHANGE_EVERY === 0) {
      const object = random.of(imports);
      if (random.once(2)) zone.removeImport(object);
      else zone.setImport(object);
    }
    const fail = (what: string): never => {
      throw new Violation(
        `${what}; packet ${number} of seed ${options.seed} over ${transport}: ${packet.toString('hex')}`,
      );
    };
    const given = Buffer.from(packet);
    let response: Buffer | undefined;
    try {
      response = warm.send(packet, transport, client);
    } catch (error) {
      fail(`answering threw ${String(error)}`);
    }
    if (warm.failures.length > 0) fail(`answering failed: ${String(warm.failures[0])}`);
    if (!packet.equals(given)) fail('the packet was changed');
    const wrong = violation(packet, response, transport, intact);
    if (wrong !== undefined) fail(wrong);
    if (response !== undefined) responses++;
    if (transport === 'udp') {
      const sent = fast.send(packet, client);
      if (!packet.equals(given)) fail('the packet was changed by the fast path');
      const wrong = violation(packet, sent.response, 'udp', intact);
      if (wrong !== undefined) fail(`fast path: ${wrong}`);
      if (gist(sent.response) !== gist(response)) {
        fail(`fast path: ${gist(sent.response)}, responder: ${gist(response)}`);
      }
      if (sent.fast && fastAnswers++ % COMPARE_EVERY === 0) {
        const got = sent.response?.toString('hex') ?? '';
        const possible = slowly(zone, packet, client.address);
        if (!possible.includes(got)) fail(`fast path: ${got}, computed: ${possible[0]}`);
      }
    }
    if (number % COMPARE_EVERY === 0) {
      const other = cold.send(packet, transport, client);
      if (gist(response) !== gist(other)) fail(`kept: ${gist(response)}, computed: ${gist(other)}`);
    }
    if (warm.cache.entries > BOUNDS.entries || warm.cache.bytes > BOUNDS.bytes)
      fail('the cache is over its bounds');
    if (warm.cache.dependencies > warm.cache.entries) fail('dependencies are left over');
    if (number % 10_000 === 0) options.onProgress?.(number);
  }
  const { counters } = warm;
  return {
    packets: options.packets,
    responses,
    cacheHits: counters.cacheHits,
    fastAnswers,
    rcodes: [...counters.responses],
  };
}

/** What must be the same whichever turn it is: flags, codes and how many records of each section. */
const gist = (response: Buffer | undefined): string =>
  response === undefined ? 'no response' : response.toString('hex', 2, 12);
