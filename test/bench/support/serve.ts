/**
 * A server whose zone changes a hundred times a second when it is told to (SIGUSR2 starts that, and ends it): the
 * server of `pharos dns` with the zone in its own hands, so that no API server competes for the cores.
 *
 *   node serve.ts MANIFEST PORT WORKERS     WORKERS 0 = packet by packet
 */
import { readFileSync } from 'node:fs';
import { startDnsServer } from '../../../src/dns/server.ts';
import { loadUdpBatch } from '../../../src/dns/udp-batch.ts';
import { silentLog } from '../../../src/observability/log.ts';
import type { EndpointSlice, ServiceImport } from '../../../src/api/objects.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Zone } from '../../../src/zone/zone.ts';

const CHANGE_EVERY_MS = 10;

const [manifest = '', port, workers] = process.argv.slice(2);
const { items } = JSON.parse(readFileSync(manifest, 'utf8')) as { items: (ServiceImport | EndpointSlice)[] };
const imports = items.filter((item): item is ServiceImport => item.kind === 'ServiceImport');
const zone = new Zone({ ownCluster: parseClusterId('east') });
zone.replaceImports(imports);
zone.replaceSlices(items.filter((item): item is EndpointSlice => item.kind === 'EndpointSlice'));

const addon = loadUdpBatch();
if ('absent' in addon) throw new Error(addon.absent);
await startDnsServer({
  source: zone,
  listen: [{ address: '127.0.0.1', port: Number(port) }],
  log: silentLog,
  ...(Number(workers) > 0 && { batched: { addon, workers: Number(workers) } }),
});

let changing: NodeJS.Timeout | undefined;
let changes = 0;
process.on('SIGUSR2', () => {
  if (changing !== undefined) {
    clearInterval(changing);
    changing = undefined;
    return;
  }
  changing = setInterval(() => {
    const object = imports[changes % imports.length]!;
    changes++;
    zone.setImport({
      ...object,
      spec: { ...object.spec, ips: [`10.250.${(changes >> 8) & 255}.${changes & 255}`] },
    });
  }, CHANGE_EVERY_MS);
});
