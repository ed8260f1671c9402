/** Pods that look around, in a cluster in memory in which the test does what a kubelet would. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import type { Pod } from '../../../src/api/administration.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import type { Check, Verdict } from '../../../src/diagnosis/check.ts';
import { checks } from '../../../src/diagnosis/checks.ts';
import { lookAtNodes, lookFromPod, type LookNode, nodesOf } from '../../../src/diagnosis/pods/look.ts';
import { formatLook, parseLook, verdictOfAll } from '../../../src/diagnosis/pods/report.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SYSTEM = 'pharos-system';
const NODES: readonly LookNode[] = ['one', 'two'].map((node) => ({ node, image: 'pharos-host:1' }));
const IDS = ['host.tools', 'host.mtu'];
const OK: Verdict = { is: 'ok' };

interface Kubelet {
  /** What a pod leaves on its node; undefined = it does not start. */
  readonly words?: (node: string) => string | undefined;
  readonly onPod?: (pod: Pod) => void;
}

const told = (verdict: Verdict, ids = IDS): string =>
  JSON.stringify({ findings: ids.map((id) => ({ id, verdict })) });

async function look(
  { words = () => told(OK), onPod = () => {} }: Kubelet,
  abort = new AbortController(),
  timeoutMs = 60_000,
) {
  const store = new MemoryStore({ location: 'memory', clock: systemClock });
  const made: Pod[] = [];
  const end = new AbortController();
  const react = async (pod: Pod): Promise<void> => {
    if (pod.status !== undefined) return;
    made.push(pod);
    onPod(pod);
    const message = words(pod.spec.nodeName ?? '');
    const state =
      message === undefined
        ? { waiting: { reason: 'ErrImagePull', message: 'no such image' } }
        : { terminated: { exitCode: 0, message } };
    await store.applyStatus<Pod>(Kinds.Pod, { ...pod, status: { containerStatuses: [{ state }] } });
  };
  void store.watch(Kinds.Pod, {}, (event) => void (event.type === 'set' && react(event.object)), end.signal);
  const said: string[] = [];
  try {
    const looks = await lookAtNodes(store, NODES, IDS, {
      timeoutMs,
      clock: systemClock,
      signal: abort.signal,
      onProgress: (line) => said.push(line),
    }).catch((error: unknown) => error as Error);
    return { looks, made, said, left: await store.list(Kinds.Pod) };
  } finally {
    end.abort();
  }
}

describe('looking at nodes', () => {
  it('makes a pod on each, that may do no more than read its network, and removes it', async () => {
    const { looks, made, left } = await look({});
    assert.ok(looks instanceof Map);
    assert.deepEqual(new Set(looks.keys()), new Set(['one', 'two']));
    assert.deepEqual(looks.get('one')?.get('host.mtu'), OK);
    assert.deepEqual(left, []);
    const { spec } = made.find((pod) => pod.spec.nodeName === 'two') ?? assert.fail();
    assert.equal(spec.automountServiceAccountToken, false);
    assert.equal(spec.hostNetwork, true);
    assert.ok(spec.activeDeadlineSeconds, 'it ends by itself if nobody comes back');
    const [container] = spec.containers;
    assert.deepEqual(container?.args, ['probe', 'look', '--host', '--only=host.tools', '--only=host.mtu']);
    assert.deepEqual(container?.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
      runAsUser: 0,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    });
  });

  it('goes on without a node whose pod does not start, and says why', async () => {
    const words = (node: string) => (node === 'one' ? undefined : told(OK));
    const { looks, left } = await look({ words }, undefined, 50);
    assert.ok(looks instanceof Map);
    assert.match(
      JSON.stringify(looks.get('one')?.get('host.tools')),
      /"unknown".*ErrImagePull: no such image/,
    );
    assert.deepEqual(looks.get('two')?.get('host.tools'), OK);
    assert.deepEqual(left, []);
  });

  it('does not know what an image of another version did not look at, or said in words of its own', async () => {
    const { looks } = await look({
      words: (node) => (node === 'one' ? told(OK, ['host.tools']) : 'error: unknown command "probe look"'),
    });
    assert.ok(looks instanceof Map);
    assert.match(JSON.stringify(looks.get('one')?.get('host.mtu')), /"unknown".*has no such check/);
    assert.match(JSON.stringify(looks.get('two')?.get('host.mtu')), /left no report: error: unknown command/);
  });

  it('leaves nothing when it is called off', async () => {
    const abort = new AbortController();
    const { looks, made, left } = await look(
      { words: () => undefined, onPod: () => abort.abort(new Error('called off')) },
      abort,
    );
    assert.ok(looks instanceof Error);
    assert.ok(made.length > 0);
    assert.deepEqual(left, []);
  });

  it('takes away what a killed call left long ago, and nothing younger', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ location: 'memory', clock });
    const left = (name: string) =>
      store.apply<Pod>(Kinds.Pod, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace: SYSTEM,
          labels: { 'app.kubernetes.io/name': 'pharos-diagnose', 'pharos.io/managed-by': 'pharos.io' },
        },
        spec: { containers: [] },
      });
    await left('old');
    await clock.advance(3_600_000);
    await left('another-call');
    await lookFromPod(store, 'pharos:1', ['dns.cluster'], [], {
      timeoutMs: 0,
      clock,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    assert.deepEqual(
      (await store.list(Kinds.Pod)).map(({ metadata: { name } }) => name),
      ['another-call'],
    );
  });
});

test('the nodes are those of the route agents, with the images that run there', async () => {
  const store = new MemoryStore({ location: 'memory', clock: systemClock });
  for (const [name, component, nodeName] of [
    ['a', 'route-agent', 'two'],
    ['b', 'route-agent', 'one'],
    ['c', 'agent', 'three'],
  ] as const) {
    await store.apply<Pod>(Kinds.Pod, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: SYSTEM,
        labels: { 'app.kubernetes.io/name': 'pharos', 'app.kubernetes.io/component': component },
      },
      spec: { nodeName, containers: [{ name: component, image: 'pharos-host:1' }] },
    });
  }
  assert.deepEqual(await nodesOf(store), NODES);
});

const TEXT = fc.string({ unit: 'grapheme', maxLength: 2000 });
const anyVerdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constant(OK),
  TEXT.map((note): Verdict => ({ is: 'ok', note })),
  fc.array(TEXT, { maxLength: 5 }).map((reasons): Verdict => ({ is: 'failed', reasons })),
  TEXT.map((why): Verdict => ({ is: 'skipped', why })),
  TEXT.map((why): Verdict => ({ is: 'unknown', why })),
);

describe('a report', () => {
  it('fits into what a kubelet keeps, and never turns bad news into good', () => {
    fc.assert(
      fc.property(fc.array(anyVerdict, { minLength: 1, maxLength: 12 }), (verdicts) => {
        const findings = verdicts.map((verdict, at) => ({ check: checks[at] as Check, verdict }));
        const text = formatLook(findings);
        assert.ok(Buffer.byteLength(text) <= 4000);
        const read = parseLook(text);
        for (const { check, verdict } of findings) {
          const is = read.get(check.id)?.is;
          assert.ok(is === verdict.is || is === 'unknown', `${verdict.is} became ${is}`);
        }
      }),
    );
  });

  it('is read as it was written where it is short', () => {
    const findings = (['ok', 'failed', 'skipped', 'unknown'] as const).map((is, at) => ({
      check: checks[at] as Check,
      verdict: (is === 'ok'
        ? { is, note: 'n' }
        : is === 'failed'
          ? { is, reasons: ['r'] }
          : { is, why: 'w' }) as Verdict,
    }));
    assert.deepEqual(
      [...parseLook(formatLook(findings))],
      findings.map(({ check, verdict }) => [check.id, verdict]),
    );
  });
});

describe('of several nodes', () => {
  const all = (looks: Record<string, Verdict>) => verdictOfAll(new Map(Object.entries(looks)));
  const rows: Record<string, [Record<string, Verdict>, Verdict]> = {
    'one that fails is told, with which, whatever the others say': [
      { one: OK, two: { is: 'failed', reasons: ['no device'] }, three: { is: 'unknown', why: 'no pod' } },
      { is: 'failed', reasons: ['two: no device'] },
    ],
    'one that is not known leaves the whole unknown': [
      { one: OK, two: { is: 'unknown', why: 'no pod' } },
      { is: 'unknown', why: 'no pod' },
    ],
    'what all say is said once': [
      { one: { is: 'ok', note: 'v1' }, two: { is: 'ok', note: 'v1' } },
      { is: 'ok', note: 'on 2 of 2 nodes: v1' },
    ],
    'what they say differently is said of which': [
      { one: { is: 'ok', note: 'v1' }, two: { is: 'ok', note: 'v2' }, three: { is: 'skipped', why: 'none' } },
      { is: 'ok', note: 'on 2 of 3 nodes: one: v1; two: v2' },
    ],
    'where it is about none it is skipped': [
      { one: { is: 'skipped', why: 'none' }, two: { is: 'skipped', why: 'none' } },
      { is: 'skipped', why: 'none' },
    ],
  };
  for (const [name, [looks, verdict]] of Object.entries(rows)) {
    it(name, () => assert.deepEqual(all(looks), verdict));
  }
});
