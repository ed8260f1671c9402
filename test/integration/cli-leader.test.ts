/** Two agents of one cluster on a real API server: one works, the other stands by and takes over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLab } from '../lab/lab.ts';
import { until } from '../lab/wait.ts';
import { type PharosProcess, startPharos } from '../support/pharos.ts';

const works = (agent: PharosProcess): Promise<true> =>
  until('an agent that works', 20_000, () => agent.log().includes('Both sides are complete') || undefined);

const leads = async (agent: PharosProcess): Promise<string | undefined> =>
  /^pharos_agent_leader (\d)$/m.exec(await (await fetch(`${agent.metricsUrl}/metrics`)).text())?.[1];

test('with --leader-elect one agent works, and the next one when that ends', async () => {
  await using lab = await openLab({ name: 'leader' });
  const west = await lab.api('west');
  const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await west.apply([namespace('pharos-broker'), namespace('pharos-system')]);
  const { kubeconfig } = west;
  const args = [
    ...['agent', '--leader-elect', '--cluster-id=west'],
    ...[`--kubeconfig=${kubeconfig}`, `--broker-kubeconfig=${kubeconfig}`],
  ];

  await using first = await startPharos(...args);
  await works(first);
  await using second = await startPharos(...args);
  await second.ready();
  assert.deepEqual([await leads(first), await leads(second)], ['1', '0']);

  first.kill('SIGTERM');
  assert.equal(await first.ended, 0);
  await works(second);
  assert.equal(await leads(second), '1');
});
