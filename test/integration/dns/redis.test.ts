/** An agent that publishes to Redis and a DNS server that reads from it, as processes, on a real API server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { ServiceImport } from '../../../src/api/objects.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { openKubernetesStore } from '../../../src/store/kubernetes.ts';
import { openLab } from '../../lab/lab.ts';
import { requirePackages } from '../../lab/packages.ts';
import { freePort } from '../../lab/ports.ts';
import { RedisServer } from '../../lab/redis.ts';
import { until } from '../../lab/wait.ts';
import { ask } from '../../support/ask.ts';
import { startPharos } from '../../support/pharos.ts';

const imported = (name: string, ip: string): ServiceImport => ({
  apiVersion: Kinds.ServiceImport.apiVersion,
  kind: 'ServiceImport',
  metadata: { name, namespace: 'default' },
  spec: { type: 'ClusterSetIP', ports: [{ port: 80 }], ips: [ip] },
});

test(
  'a DNS server answers from the Redis that the agent fills, and goes on when Redis is flushed without an agent',
  { skip: (await requirePackages(['redis-server'])) ?? false },
  async () => {
    await using lab = await openLab({ name: 'dns-redis' });
    const api = await lab.api('east');
    const redis = await RedisServer.start({
      lab: lab.id,
      dir: join(lab.dir, 'redis'),
      lines: ['user default off', 'user pharos on >hush ~* +@all'],
    });
    const url = `redis://pharos:hush@127.0.0.1:${redis.port}`;
    const cli = (...args: string[]): Promise<string> =>
      redis.cli(args, ['--user', 'pharos', '--pass', 'hush', '--no-auth-warning']);
    const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
    await store.apply(Kinds.ServiceImport, imported('web', '243.0.0.1'));
    const agentArgs = ['agent', '--kubeconfig', api.kubeconfig, '--cluster-id', 'east', '--publish', url];
    const agent = await startPharos(...agentArgs);
    const port = await freePort();
    await using dns = await startPharos(
      ...['dns', '--store', url, '--cluster-id', 'east', '--stale-after', '1s'],
      ...['--listen', `127.0.0.1:${port}`],
    );
    await dns.ready(60_000);
    const answers = (name: string, wanted: string): Promise<unknown> =>
      until(`${name} is ${wanted}`, 60_000, async () => {
        const asked = await ask({ address: '127.0.0.1', port }, `${name}.default.svc.clusterset.local`);
        if (asked.answers.includes(`A ${wanted}`)) return true;
        throw new Error(`${asked.rcode} ${asked.answers.join()}\n${agent.log()}\n${dns.log()}`);
      });
    const metric = async (of: { readonly metricsUrl: string }, name: string): Promise<number> => {
      const text = await (await fetch(`${of.metricsUrl}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    await answers('web', '243.0.0.1');
    await store.apply(Kinds.ServiceImport, imported('web', '243.0.0.2'));
    await store.apply(Kinds.ServiceImport, imported('api', '243.0.0.3'));
    await answers('web', '243.0.0.2');
    await answers('api', '243.0.0.3');
    await until('the agent has published both', 60_000, async () =>
      (await metric(agent, 'pharos_agent_publish_objects')) === 2 ? true : undefined,
    );

    agent.kill('SIGKILL');
    await agent.ended;
    await cli('FLUSHALL');
    await until('the server says so', 60_000, async () => {
      const ready = await fetch(`${dns.metricsUrl}/readyz`);
      assert.equal(ready.status, 200);
      return (await ready.text()).startsWith('ok, but stale: no contact with redis:') ? true : undefined;
    });
    assert.match(dns.log(), /it holds nothing for cluster east any more: it was flushed/);
    assert.equal(await metric(dns, 'pharos_zone_stale'), 1);
    await answers('web', '243.0.0.2');

    await store.remove(Kinds.ServiceImport, { namespace: 'default', name: 'api' });
    await store.apply(Kinds.ServiceImport, imported('web', '243.0.0.4'));
    await using next = await startPharos(...agentArgs);
    await answers('web', '243.0.0.4');
    await until('fresh again', 60_000, async () =>
      (await (await fetch(`${dns.metricsUrl}/readyz`)).text()) === 'ok\n' ? true : undefined,
    );
    for (const log of [agent.log(), dns.log(), next.log()]) assert.ok(!log.includes('hush'), 'no secret');
    store.close();
    await redis.stop();
  },
);
