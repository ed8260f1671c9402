/**
 * What a change costs the status page at 10,000 services of two clusters: the time to make the model anew and to
 * find what differs. `npm run bench:page -- --services 10000 --changes 20`
 */
import { parseArgs } from 'node:util';
import type { EndpointSlice } from '../../src/api/objects.ts';
import { LivePage } from '../../src/page/live-page.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { gatewayOf, leaseOf, type ServiceWords, sightOf, sightsOf } from '../support/page-sights.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    changes: { type: 'string', default: '20' },
  },
});
const number = Number(values.services);
const services: Record<string, ServiceWords> = Object.fromEntries(
  Array.from({ length: number }, (_, at) => [
    `service-${at}`,
    { parts: { west: { ready: 3 }, east: { ready: 2, total: 3 } } },
  ]),
);
const connections = [{ cluster: 'east', state: 'connected' as const }];
let sights = sightsOf([
  sightOf('west', services, { gateways: [gatewayOf('gw', connections)] }),
  sightOf('east', services),
]);
const live = new LivePage({ look: () => sights, clock: systemClock });

/** Every change is an endpoint of another service that becomes ready or unready, as most changes are. */
function change(at: number): void {
  const [west, ...others] = sights.clusters;
  if (west === undefined) return;
  const slices = west.slices.map((slice, index): EndpointSlice => {
    if (index !== at * 2) return slice;
    const endpoints = (slice.endpoints ?? []).map((each) => ({ ...each, conditions: { ready: false } }));
    return { ...slice, endpoints };
  });
  const broker = { records: [], drained: undefined, leases: [leaseOf('west', 3), leaseOf('east', 3)] };
  sights = { ...sights, broker, clusters: [{ ...west, slices }, ...others] };
}

const taken: number[] = [];
for (let at = 0; at < Number(values.changes); at++) {
  change(at);
  const before = process.cpuUsage();
  live.refresh();
  const { user, system } = process.cpuUsage(before);
  taken.push((user + system) / 1000);
}
taken.sort((a, b) => a - b);
const at = (share: number): string => (taken[Math.floor((taken.length - 1) * share)] ?? 0).toFixed(1);
console.log(
  `${number} services, CPU per change: median ${at(0.5)} ms, worst ${at(1)} ms, of ${taken.length}`,
);
live.close();
