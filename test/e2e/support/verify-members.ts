import assert from 'node:assert/strict';
import type { Cluster } from '../../lab/cluster.ts';
import { until } from '../../lab/wait.ts';
import { runCli, startCli } from '../../support/cli-process.ts';

interface Row {
  readonly from: string;
  readonly to: string;
  readonly what: string;
  readonly result: string;
  readonly note: string;
}

/** `pharos diagnose` finds nothing wrong, `pharos verify` proves both ways, and nothing of it is left, whatever ends it. */
export async function verifyMembers(clusters: readonly Cluster[]): Promise<void> {
  const kubeconfigs = clusters.map(({ kubeconfig }) => `--kubeconfig=${kubeconfig}`);
  const leftovers = async (): Promise<string> => {
    const lists = await Promise.all(
      clusters.map((cluster) => cluster.kubectl(['get', 'namespaces', '-o', 'name'])),
    );
    return lists.map(({ stdout }) => stdout.match(/namespace\/pharos-verify-\w+/g)?.join() ?? '').join('');
  };
  for (const kubeconfig of kubeconfigs) {
    await until(`diagnose ${kubeconfig} without a failure`, 60_000, async () => {
      const { status, stdout, stderr } = await runCli(['diagnose', kubeconfig, '--skip=broker.reachable']);
      assert.equal(status, 0, stdout + stderr);
      return true;
    });
  }

  await using verify = startCli(['verify', ...kubeconfigs, '--timeout=120s', '--output=json']);
  const { status, stdout, stderr } = await verify.ended;
  const { rows } = JSON.parse(stdout || '{"rows":[]}') as { rows: Row[] };
  assert.equal(status, 0, stderr + JSON.stringify(rows, undefined, 1));
  assert.match(stderr, /a pod resolves and connects\n/);
  for (const [from, to] of [
    ['west', 'east'],
    ['east', 'west'],
  ]) {
    const results = rows.filter((row) => row.from === from && row.to === to);
    const by = (what: string): Row | undefined => results.find((row) => row.what === what);
    for (const kind of ['Service', 'pod']) {
      for (const what of [
        `A of the ${kind}`,
        `AAAA of the ${kind}`,
        `SRV of the ${kind}`,
        `TCP to the ${kind}, IPv4`,
        `UDP to the ${kind}, IPv4`,
      ]) {
        assert.equal(by(what)?.result, 'ok', `${from} to ${to}: ${what}: ${by(what)?.note}`);
      }
    }
    assert.equal(by('source at the pod, IPv4')?.result, 'ok', by('source at the pod, IPv4')?.note);
  }
  assert.equal(await leftovers(), '');

  await using interrupted = startCli(['verify', ...kubeconfigs, '--timeout=120s']);
  await interrupted.says(/a pod resolves and connects/, 'stderr', 120_000);
  interrupted.kill('SIGINT');
  const ended = await interrupted.ended;
  assert.equal(ended.status, 1, ended.stderr);
  assert.match(ended.stderr, /cleaning up\n/);
  assert.match(ended.stderr, /called off\n$/);
  assert.equal(await leftovers(), '');
}
