/** DNS servers, as processes, that start while the API server is away. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { Kinds } from '../../../src/api/kinds.ts';
import type { ServiceImport } from '../../../src/api/objects.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { openKubernetesStore } from '../../../src/store/kubernetes.ts';
import { readSnapshot } from '../../../src/store/snapshot-file.ts';
import { openLab } from '../../lab/lab.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { ask } from '../../support/ask.ts';
import { type PharosProcess, startPharos } from '../../support/pharos.ts';

const LIMIT_MS = 60_000;

const imported = (ip: string): ServiceImport => ({
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: { name: 'web', namespace: 'default' },
  spec: { type: 'ClusterSetIP', ports: [{ port: 80 }], ips: [ip] },
});

/** The codes of the Extended DNS Errors (RFC 8914) in the answer to one question. */
async function extendedErrors(port: number): Promise<number[]> {
  const socket = createSocket('udp4');
  const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
  const timer = setInterval(() => {
    socket.send(
      encode({
        type: 'query',
        id: 1,
        questions: [{ type: 'A', name: 'web.default.svc.clusterset.local' }],
        additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] } as never],
      }),
      port,
      '127.0.0.1',
    );
  }, 100);
  const { additionals = [] } = decode(await answer);
  clearInterval(timer);
  socket.close();
  const options = additionals.flatMap((record) => ('options' in record ? record.options : []));
  return options.flatMap((option) =>
    (option.code as unknown) === 15 ? [(option as unknown as { data: Buffer }).data.readUInt16BE()] : [],
  );
}

test('a DNS server answers from its snapshot while the API server is away, and says when that is stale', async () => {
  await using lab = await openLab({ name: 'snapshot' });
  const api = await lab.api('east');
  const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
  await store.apply(Kinds.ServiceImport, imported('243.0.0.1'));
  const snapshot = join(lab.dir, 'snapshot');
  const port = await freePort();
  const start = (...more: string[]): Promise<PharosProcess> =>
    startPharos(
      ...['dns', '--kubeconfig', api.kubeconfig, '--snapshot', snapshot, '--stale-after', '1s'],
      ...['--listen', `127.0.0.1:${port}`, ...more],
    );
  const answers = (wanted: string, process: PharosProcess): Promise<unknown> =>
    until(`the answer ${wanted}`, LIMIT_MS, async () => {
      const asked = await ask({ address: '127.0.0.1', port }, 'web.default.svc.clusterset.local', 'A', 500);
      const told = `${asked.rcode} ${asked.answers.join()}`;
      if (told === wanted) return true;
      throw new Error(`${told}\n${process.log()}`);
    });
  const inFile = (ip: string): Promise<unknown> =>
    until(`the snapshot has ${ip}`, LIMIT_MS, () =>
      readFileSync(snapshot, 'utf8').includes(ip) ? true : undefined,
    );

  {
    await using server = await start('--cluster-id', 'east');
    await answers('NOERROR A 243.0.0.1', server);
    await inFile('243.0.0.1');
    await store.apply(Kinds.ServiceImport, imported('243.0.0.2'));
    await answers('NOERROR A 243.0.0.2', server);
    // It need not wait for the next write in time: an orderly end writes.
  }
  await inFile('243.0.0.2');
  const read = readSnapshot(snapshot, { cluster: 'east', zones: ['clusterset.local.'] });
  assert.ok(read.is === 'loaded');

  await api.stop();
  {
    // Whose the snapshot is, the server believes until it can ask.
    await using server = await start('--cluster-id', 'east');
    await answers('NOERROR A 243.0.0.2', server);
    await server.ready();
    await until('stale answers', LIMIT_MS, async () =>
      (await extendedErrors(port)).includes(3) ? true : undefined,
    );
    assert.match(server.log(), /"msg":"Answering from the snapshot until the store is read"/);
    await api.start();
    const again = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
    await until('a change', LIMIT_MS, () =>
      again.apply(Kinds.ServiceImport, imported('243.0.0.3')).catch(() => undefined),
    );
    again.close();
    await answers('NOERROR A 243.0.0.3', server);
    await until('fresh answers', LIMIT_MS, async () =>
      (await extendedErrors(port)).includes(3) ? undefined : true,
    );
  }
  await inFile('243.0.0.3');

  {
    await using server = await start('--cluster-id', 'west');
    await until('it says so', LIMIT_MS, () =>
      server.log().includes('it is of cluster east, not of west') ? true : undefined,
    );
    await answers('NOERROR A 243.0.0.3', server);
    // It writes one of its own.
    await until('another owner', LIMIT_MS, () =>
      readFileSync(snapshot, 'utf8').startsWith('{"pharosSnapshot":1,"cluster":"west"') ? true : undefined,
    );
  }

  await api.stop();
  writeFileSync(snapshot, readFileSync(snapshot).subarray(0, -10));
  await using torn = await start('--cluster-id', 'west');
  await answers('SERVFAIL ', torn);
  assert.match(
    torn.log(),
    /"reason":"its end is missing","msg":"The snapshot is not used: waiting for the store"/,
  );
  assert.equal((await fetch(`${torn.metricsUrl}/readyz`)).status, 503);
  store.close();
});
