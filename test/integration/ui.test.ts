/** The status page of a real cluster, read from its API server. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import type { CustomResourceDefinition } from '../../src/api/administration.ts';
import { Kinds } from '../../src/api/kinds.ts';
import type { PageModel } from '../../src/page/model.ts';
import { silentLog } from '../../src/observability/log.ts';
import { openKubernetesStore } from '../../src/store/kubernetes.ts';
import { openLab } from '../lab/lab.ts';
import { until } from '../lab/wait.ts';
import { runCli, startCli } from '../support/cli-process.ts';
import { ago, gatewayOf, leaseOf, sightOf } from '../support/page-sights.ts';

describe('pharos ui', () => {
  it('shows a member with its broker, follows both, and writes nothing', async () => {
    await using lab = await openLab({ name: 'ui' });
    const api = await lab.api('west');
    // One API server is broker and member here: definitions of both, and a namespace for each.
    const deployed = await runCli(['broker', 'deploy', '--kubeconfig', api.kubeconfig]);
    assert.equal(deployed.status, 0, deployed.stderr);
    const store = await openKubernetesStore({ kubeconfig: api.kubeconfig, log: silentLog });
    for (const name of ['shop', 'pharos-system']) {
      await store.apply(Kinds.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    const sight = sightOf('west', { web: { parts: { west: { ready: 1 }, east: { ready: 2 } } } });
    for (const object of sight.imports) {
      const { creationTimestamp: _, ...metadata } = object.metadata;
      await store.apply(Kinds.ServiceImport, { ...object, metadata });
    }
    for (const object of sight.slices) await store.apply(Kinds.EndpointSlice, object);
    for (const [cluster, seconds] of [
      // However slow the machine is, this one does not fall silent meanwhile.
      ['west', -3600],
      ['east', 3600],
    ] as const) {
      const lease = leaseOf(cluster, seconds);
      await store.apply(Kinds.Lease, {
        ...lease,
        metadata: { ...lease.metadata, namespace: 'pharos-broker' },
        spec: { ...lease.spec, renewTime: ago(seconds).replace('Z', '000Z') },
      });
    }

    const kubeconfigs = ['--kubeconfig', api.kubeconfig, '--broker-kubeconfig', api.kubeconfig];
    await using ui = startCli(['ui', ...kubeconfigs, '--cluster-id', 'west', '--http-listen', '127.0.0.1:0']);
    const [, url = ''] = await ui.says(/(http:\S+\/)\nStop/);
    const shows = (what: string, check: (model: PageModel) => void): Promise<true> =>
      until(what, 60_000, async () => {
        check((await (await fetch(`${url}api/v1/overview`)).json()) as PageModel);
        return true as const;
      });
    await shows('both members, one of them silent', ({ clusters, broker, services }) => {
      assert.equal(broker, 'in-sight');
      assert.deepEqual(
        clusters.map(({ id, state }) => [id, state]),
        [
          ['east', 'silent'],
          ['west', 'heard'],
        ],
      );
      assert.deepEqual(
        services.map(({ key, exporters }) => [key, exporters.map(({ ready }) => ready)]),
        [['shop/web', [2, 1]]],
      );
    });
    assert.match(await (await fetch(`${url}services/shop/web`)).text(), /<h1>web<\/h1>/);
    const explained = await fetch(`${url}api/v1/explain?name=web.shop&cluster=west`);
    assert.equal(explained.status, 200, await explained.clone().text());
    assert.equal(((await explained.json()) as { kind: string }).kind, 'Explanation');

    const gateway = gatewayOf('west-1', [{ cluster: 'east', state: 'connected', roundTripMs: 12 }]);
    const { status: _, ...gatewayWithout } = gateway;
    const definition = readFileSync(
      join(import.meta.dirname, '../../deploy/crds/pharos.io_gateways.yaml'),
      'utf8',
    );
    await store.apply(Kinds.CustomResourceDefinition, parse(definition) as CustomResourceDefinition);
    await until('the kind Gateway', 60_000, () => store.apply(Kinds.Gateway, gatewayWithout));
    await store.applyStatus(Kinds.Gateway, gateway);
    await shows('the tunnel', ({ connections }) => assert.equal(connections[0]?.roundTripMs, 12));
    ui.kill('SIGTERM');
    assert.equal((await ui.ended).status, 0);
    store.close();
  });

  it('says what is wrong with a kubeconfig in one line', async () => {
    const { status, stderr } = await runCli(['ui', '--kubeconfig', '/nowhere', '--cluster-id', 'west']);
    assert.equal(status, 1);
    assert.match(stderr, /\/nowhere/);
  });
});
