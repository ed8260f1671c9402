import assert from 'node:assert/strict';
import type { Cluster } from '../../lab/cluster.ts';
import { until } from '../../lab/wait.ts';
import { startCli } from '../../support/cli-process.ts';

interface Found {
  readonly id: string;
  readonly verdict: string;
  readonly note?: string;
  readonly reasons?: readonly string[];
  readonly why?: string;
}

const PATIENCE_MS = 300_000;
/** As a firewall of the node's own might: nothing but what it knows is forwarded. */
const FIREWALL = 'table ip firewall { chain forward { type filter hook forward priority 0; policy drop; }; }';

/**
 * `pharos diagnose --pod`: pods on the nodes see what nobody sees from outside, one broken node among them, and
 * nothing is left of them, whatever ends it.
 */
export async function lookByPods(cluster: Cluster): Promise<void> {
  const at = ['diagnose', `--kubeconfig=${cluster.kubeconfig}`, '--pod'];
  const diagnose = async (...more: string[]): Promise<Map<string, Found>> => {
    await using cli = startCli([...at, '--output=json', ...more]);
    const { stdout, stderr } = await cli.ended;
    assert.notEqual(stdout, '', stderr);
    const { checks } = JSON.parse(stdout) as { checks: Found[] };
    return new Map(checks.map((found) => [found.id, found]));
  };
  const left = async (): Promise<string> =>
    (
      await cluster.kubectl([
        ...['get', 'pods', '-n', 'pharos-system', '-o', 'name'],
        ...['-l', 'app.kubernetes.io/name=pharos-diagnose'],
      ])
    ).stdout;

  const number = cluster.nodes.length;
  await until('nothing wrong on any node', PATIENCE_MS, async () => {
    const found = await diagnose('--group=host', '--group=dns');
    for (const [id, each] of found) {
      if (!/^(host\.|dns\.(answers|cluster)$)/.test(id)) continue;
      assert.equal(each.verdict, 'ok', `${id}: ${JSON.stringify(each)}`);
    }
    assert.match(found.get('host.routes')?.note ?? '', new RegExp(`^on ${number} of ${number} nodes`));
    return true;
  });
  assert.equal(await left(), '');

  const [first, second] = cluster.nodes;
  assert.ok(first && second);
  const nft = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await first.exec(['nft', ...args]);
    assert.equal(code, 0, stderr);
  };
  await nft(FIREWALL);
  let whole;
  try {
    whole = await diagnose('--only=host.forward', '--only=host.mtu');
  } finally {
    await nft('delete', 'table', 'ip', 'firewall');
  }
  assert.deepEqual(whole.get('host.forward')?.reasons, [
    `${first.name}: chain ip firewall forward drops what is forwarded, and has no rule for ph-* devices`,
  ]);
  assert.equal(whole.get('host.mtu')?.verdict, 'ok');
  const one = await diagnose('--only=host.forward', `--node=${second.name}`);
  assert.equal(one.get('host.forward')?.note, 'on 1 of 1 nodes');

  await using interrupted = startCli([...at, '--group=host']);
  await interrupted.says(/looks at/, 'stderr', PATIENCE_MS);
  interrupted.kill('SIGINT');
  const ended = await interrupted.ended;
  assert.equal(ended.status, 1, ended.stderr);
  assert.match(ended.stderr, /called off\n$/);
  assert.equal(await left(), '');
}
