import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { ServiceExport } from '../../../src/api/objects.ts';
import { exportService, type ExportValues } from '../../../src/commands/export.ts';
import { exportedName } from '../../../src/commands/exported-name.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';

const values: ExportValues = {
  name: 'web',
  afterService: undefined,
  namespace: 'shop',
  weight: undefined,
  policy: undefined,
  toClusters: [],
  wait: false,
  timeout: 5,
  kubeconfig: undefined,
  config: undefined,
};

async function setUp() {
  const clock = new FakeClock();
  const store = new MemoryStore({ location: 'https://west:6443', clock });
  await store.apply(Kinds.Service, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { clusterIP: '10.0.0.1' },
  });
  const said = { stdout: '', stderr: '' };
  const output = (stream: 'stdout' | 'stderr') => ({ write: (text: string) => void (said[stream] += text) });
  const run = (more: Partial<ExportValues> = {}): Promise<void> =>
    exportService(
      store,
      { ...values, ...more },
      { clock, stdout: output('stdout'), stderr: output('stderr') },
    );
  const present = (): Promise<ServiceExport | undefined> =>
    store.get(Kinds.ServiceExport, { name: 'web', namespace: 'shop' });
  /** As an agent would. */
  const tell = async (
    type: string,
    status: 'True' | 'False',
    reason: string,
    message: string,
  ): Promise<void> => {
    const now = await present();
    assert.ok(now);
    const condition = { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' };
    await store.applyStatus(Kinds.ServiceExport, {
      ...now,
      status: { conditions: [...(now.status?.conditions ?? []), condition] },
    });
  };
  return { clock, said, run, present, tell };
}

suite('export', () => {
  test('makes a ServiceExport with what the flags say', async () => {
    const it = await setUp();
    await it.run({
      weight: 3,
      policy: 'weighted',
      toClusters: ['east', 'north'] as unknown as ExportValues['toClusters'],
    });
    assert.deepEqual((await it.present())?.metadata.annotations, {
      'pharos.io/weight': '3',
      'pharos.io/policy': 'weighted',
      'pharos.io/to-clusters': 'east,north',
    });
    assert.match(it.said.stderr, /shop\/web is exported; "pharos export web -n shop --wait" tells/);
  });

  test('again without a flag takes back what the flag had said', async () => {
    const it = await setUp();
    await it.run({ weight: 3 });
    await it.run();
    assert.deepEqual((await it.present())?.metadata.annotations ?? {}, {});
  });

  test('warns where there is no such Service, and exports it all the same', async () => {
    const it = await setUp();
    await it.run({ namespace: 'other' });
    assert.match(it.said.stderr, /^warning: there is no Service other\/web yet/);
  });

  test('waits until it is ready, and prints the conditions', async () => {
    const it = await setUp();
    const running = it.run({ wait: true });
    await it.clock.advance(200);
    await it.tell('Valid', 'True', 'Valid', 'fine');
    await it.clock.advance(200);
    await it.tell('Ready', 'True', 'Exported', 'on the broker');
    await it.clock.advance(200);
    await running;
    assert.match(
      it.said.stdout,
      /^CONDITION +STATUS +REASON +MESSAGE\nValid +True +Valid +fine\nReady +True +Exported +on the broker\n$/,
    );
  });

  test('says what it waited for in vain', async () => {
    const it = await setUp();
    const refused = assert.rejects(
      it.run({ wait: true, timeout: 1 }),
      /shop\/web is not ready after 1 s: Valid is NoService: no such Service/,
    );
    await it.clock.advance(200);
    await it.tell('Valid', 'False', 'NoService', 'no such Service');
    for (let step = 0; step < 6; step++) await it.clock.advance(200);
    await refused;
  });

  test('says that no agent looked at it', async () => {
    const it = await setUp();
    const refused = assert.rejects(
      it.run({ wait: true, timeout: 1 }),
      /no agent has looked at it: does "pharos agent" run/,
    );
    for (let step = 0; step < 7; step++) await it.clock.advance(200);
    await refused;
  });
});

test('the word "service" may stand before the name', () => {
  assert.equal(exportedName('web', undefined), 'web');
  assert.equal(exportedName('service', 'web'), 'web');
  assert.equal(exportedName('service', undefined), 'service');
  assert.throws(() => exportedName('web', 'db'), /one name at a time/);
});
