/** Reverse names on the way that pods ask: a real CoreDNS with the blocks that join writes, before a real `pharos dns`. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseCidr } from '../../../src/api/cidr.ts';
import { stubBlocks } from '../../../src/membership/corefile.ts';
import { reverseZones } from '../../../src/membership/reverse-zones.ts';
import { openLab } from '../../lab/lab.ts';
import { freePort } from '../../lab/ports.ts';
import { startPharos } from '../../support/pharos.ts';
import { objectsOf } from '../../unit/zone/driver.ts';

/** What cluster DNS says of its own pods, and of what nobody has. */
const OWN = `. {
    bind 127.0.0.1
    template IN PTR 5.0.1.10.in-addr.arpa {
        answer "{{ .Name }} 5 IN PTR own.west.local."
    }
    template ANY ANY {
        rcode NXDOMAIN
    }
}
`;

test('PTR goes to Pharos for clusterset IPs and pods of other clusters, and nowhere else', async () => {
  await using lab = await openLab({ name: 'reverse-path' });
  const dir = await mkdtemp(join(tmpdir(), 'pharos-reverse-'));
  try {
    const { imports, slices } = objectsOf({
      'shop/web': { ips: ['243.0.0.7'], from: { east: { ips: ['10.102.0.1'] } } },
      'shop/db': { type: 'Headless', from: { east: { endpoints: ['10.2.0.8 host=db-0'] } } },
    });
    const items = [...imports, ...slices];
    await writeFile(join(dir, 'objects.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const port = await freePort();
    await using server = await startPharos(
      'dns',
      ...['--cluster-id=west', `--store=directory:${dir}`, `--listen=127.0.0.1:${port}`],
    );
    await server.ready(60_000);
    const zones = reverseZones({
      own: [parseCidr('10.1.0.0/16')],
      clusterset: [parseCidr('243.0.0.0/16')],
      remote: [parseCidr('10.2.0.0/15')],
    });
    const blocks = stubBlocks({ zones: ['clusterset.local', ...zones], servers: [`127.0.0.1:${port}`] })
      // The lab chooses the port, and what is bound to.
      .replaceAll(/:53(?=[ ,\n])/g, '')
      .replaceAll('{\n', '{\n    bind 127.0.0.1\n');
    const coredns = await lab.coredns(`${blocks}${OWN}`);
    try {
      const resolver = new Resolver({ timeout: 5000 });
      resolver.setServers([`127.0.0.1:${coredns.port}`]);
      const names = async (ip: string): Promise<string> =>
        resolver.reverse(ip).then(String, (error: NodeJS.ErrnoException) => error.code ?? '');
      assert.deepEqual(
        {
          'a clusterset IP': await names('243.0.0.7'),
          'one that no service has': await names('243.0.0.8'),
          'a pod of another cluster': await names('10.2.0.8'),
          'a pod of this cluster': await names('10.1.0.5'),
          'somebody else': await names('192.0.2.1'),
        },
        {
          'a clusterset IP': 'web.shop.svc.clusterset.local',
          'one that no service has': 'ENOTFOUND',
          'a pod of another cluster': 'db-0.east.db.shop.svc.clusterset.local',
          'a pod of this cluster': 'own.west.local',
          'somebody else': 'ENOTFOUND',
        },
      );
    } finally {
      await coredns.stop();
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});
