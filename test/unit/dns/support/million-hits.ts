/** Asks a table a million times, in a process that tells its garbage collections, between two lines of its own. */
import { zoneOf } from '../../zone/driver.ts';
import { fastPath } from './fast.ts';
import { opt, query } from './messages.ts';

const MILLION = 1_000_000;
const zone = zoneOf({
  'shop/web': {
    ports: ['http 80/TCP'],
    from: { west: { ips: ['10.96.0.1'] }, east: { ips: ['10.97.0.1'] } },
  },
  'shop/ten': {
    type: 'Headless',
    from: { west: { endpoints: Array.from({ length: 10 }, (_, n) => `10.1.0.${n + 1}`) } },
  },
});
const { send, table } = fastPath(zone);
const name = (short: string): string => `${short}.svc.clusterset.local`;
const messages = [
  query({ name: name('web.shop') }),
  query({ name: name('WEB.shop'), extra: [opt({ dnssecOk: true })] }),
  query({ name: name('web.shop'), type: 28 }),
  query({ name: name('_http._tcp.web.shop'), type: 33, extra: [opt()] }),
  query({ name: name('ten.shop') }),
  query({ name: name('nothing.shop') }),
  query({ name: 'x.nothing.clusterset.local', extra: [opt()] }),
];
for (let n = 0; n < 100; n++) for (const message of messages) send(message);

function hits(count: number): number {
  let answered = 0;
  for (let n = 0; n < count; n++)
    if (table.answer(messages[n % messages.length]!, '192.0.2.1') !== undefined) answered++;
  return answered;
}
// Until the compilers are done with it.
hits(MILLION);
console.log('start');
console.log(`end ${hits(MILLION)}`);
