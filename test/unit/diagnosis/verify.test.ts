/** `pharos verify` over clusters in memory, in which the test does what agents and kubelets would. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/api/administration.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import type { ServiceExport, ServiceImport } from '../../../src/api/objects.ts';
import { type ProbeReport, parsePlan } from '../../../src/diagnosis/verify/probe-plan.ts';
import { verify, type Verification, type VerifySite } from '../../../src/diagnosis/verify/verify.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { MemoryStore } from '../../../src/store/memory.ts';

const NAMESPACE = 'pharos-verify-test';

interface Behaviour {
  /** What a client's pod leaves behind. */
  readonly report?: (from: string, to: string) => string;
  /** Conditions that the agent of a cluster sets on its exports. */
  readonly export?: (cluster: string) => NonNullable<NonNullable<ServiceExport['status']>['conditions']>;
  /** Called when a client's pod is made. */
  readonly onClient?: () => void;
}

const condition = (type: string, status: 'True' | 'False', message = '') => ({
  type,
  status,
  reason: status === 'True' ? 'Fine' : 'Broken',
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const FINE: ProbeReport = { rows: [['A of the Service', 'ok', '10.0.0.1']], measured: [] };

/** Reacts to what is made in each cluster until `signal` aborts. */
function live(sites: readonly VerifySite[], behaviour: Behaviour, signal: AbortSignal): void {
  const { report = () => JSON.stringify(FINE), onClient = () => {} } = behaviour;
  const conditions = behaviour.export ?? (() => [condition('Valid', 'True'), condition('Ready', 'True')]);
  for (const { cluster, store } of sites) {
    const react = async (pod: Pod): Promise<void> => {
      if (pod.status !== undefined) return;
      const isServer = pod.metadata.name === 'server';
      if (!isServer) onClient();
      const plan = pod.spec.containers[0]?.args?.find((arg) => arg.startsWith('--plan='))?.slice(7) ?? '{}';
      await store.applyStatus<Pod>(Kinds.Pod, {
        ...pod,
        status: isServer
          ? { podIPs: [{ ip: '10.1.0.2' }], conditions: [{ type: 'Ready', status: 'True' }] }
          : {
              containerStatuses: [
                { state: { terminated: { exitCode: 0, message: report(cluster, parsePlan(plan).to) } } },
              ],
            },
      });
    };
    const offer = async (exported: ServiceExport): Promise<void> => {
      if (exported.status !== undefined) return;
      await store.applyStatus(Kinds.ServiceExport, {
        ...exported,
        status: { conditions: conditions(cluster) },
      });
      for (const other of sites.filter((each) => each.cluster !== cluster)) {
        await other.store.apply<ServiceImport>(Kinds.ServiceImport, {
          apiVersion: Kinds.ServiceImport.apiVersion,
          kind: 'ServiceImport',
          metadata: { name: exported.metadata.name, namespace: NAMESPACE },
          spec: { type: 'ClusterSetIP', ports: [] },
        });
      }
    };
    void store.watch(Kinds.Pod, {}, (event) => void (event.type === 'set' && react(event.object)), signal);
    void store.watch(
      Kinds.ServiceExport,
      {},
      (event) => void (event.type === 'set' && offer(event.object)),
      signal,
    );
  }
}

/** @returns what was found, or was thrown, what was said, and which namespaces are left */
async function run(behaviour: Behaviour, { abort }: { readonly abort?: AbortController } = {}) {
  const end = new AbortController();
  const sites = ['west', 'east'].map((cluster) => ({
    cluster,
    store: new MemoryStore({ location: `https://${cluster}`, clock: systemClock }),
    image: 'pharos:test',
  }));
  live(sites, behaviour, end.signal);
  const said: string[] = [];
  let found: Verification | undefined;
  let thrown: unknown;
  try {
    found = await verify(sites, {
      namespace: NAMESPACE,
      zone: 'clusterset.local',
      sizes: [64],
      timeoutMs: 2000,
      clock: systemClock,
      signal: (abort ?? new AbortController()).signal,
      onProgress: (line) => void said.push(line),
    });
  } catch (error) {
    thrown = error;
  }
  const left = (await Promise.all(sites.map(({ store }) => store.list(Kinds.Namespace)))).flat();
  const exports = (await Promise.all(sites.map(({ store }) => store.list(Kinds.ServiceExport)))).flat();
  end.abort();
  return { found, thrown, said, left: [...left, ...exports].map(({ metadata }) => metadata.name) };
}

test('each cluster tries every other one, by plans that name its Services, and nothing is left', async () => {
  const tried: string[] = [];
  const report = (from: string, to: string): string => {
    tried.push(`${from} ${to}`);
    return JSON.stringify(FINE);
  };
  const { found, said, left } = await run({ report });
  assert.deepEqual(tried.toSorted(), ['east west', 'west east']);
  assert.deepEqual(found?.rows, [
    { from: 'west', to: 'east', what: 'A of the Service', result: 'ok', note: '10.0.0.1' },
    { from: 'east', to: 'west', what: 'A of the Service', result: 'ok', note: '10.0.0.1' },
  ]);
  assert.ok(said.includes('west → east: all of it works'));
  assert.deepEqual(left, []);
});

test('an export that does not come through is told with the agent’s own words; the other way is tried', async () => {
  const { found, left } = await run({
    export: (cluster) =>
      cluster === 'west'
        ? [condition('Valid', 'True'), condition('Ready', 'False', 'the broker is away')]
        : [condition('Valid', 'True'), condition('Ready', 'True')],
  });
  const [toEast, toWest] = found?.rows ?? [];
  assert.equal(toEast?.result, 'ok');
  assert.equal(toWest?.what, 'export');
  assert.match(
    toWest?.note ?? '',
    /the export of from-west by west is not there after 2 s: Broken: the broker is away/,
  );
  assert.deepEqual(left, []);
});

test('a pod that leaves no report fails, with what it left', async () => {
  const { found, left } = await run({ report: () => 'exec: pharos: not found' });
  assert.match(found?.rows[0]?.note ?? '', /ended with status 0 and left no report: exec: pharos: not found/);
  assert.deepEqual(left, []);
});

test('called off in the middle it cleans up all the same', async () => {
  const abort = new AbortController();
  const { thrown, said, left } = await run(
    { onClient: () => abort.abort(new Error('called off')) },
    { abort },
  );
  assert.equal((thrown as Error).message, 'called off');
  assert.equal(said.at(-1), 'cleaning up');
  assert.deepEqual(left, []);
});
