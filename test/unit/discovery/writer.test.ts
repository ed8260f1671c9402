import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { EndpointSlice, KubeObject } from '../../../src/api/objects.ts';
import { AgentCounters } from '../../../src/discovery/counters.ts';
import { Writer } from '../../../src/discovery/writer.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { endpoint, slice } from './objects.ts';

/** A store like an API server with an admission webhook that labels everything. */
class LabellingStore extends MemoryStore {
  override apply<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
    const labels = { ...object.metadata.labels, 'example.com/seen': 'yes' };
    return super.apply(kind, { ...object, metadata: { ...object.metadata, labels } });
  }
}

describe('what others add to an object', () => {
  const setUp = () => {
    const store = new LabellingStore({ location: 'labelling', clock: new FakeClock() });
    const counters = new AgentCounters();
    const writer = new Writer('member', store, counters, silentLog);
    const shelf = { kind: Kinds.EndpointSlice, cache: { wrote: () => {}, removed: () => {} } };
    const stored = (): Promise<EndpointSlice[]> => store.list(Kinds.EndpointSlice);
    return { writer, shelf, stored, counters };
  };
  const wanted = slice('web', 'web-a', [endpoint('10.1.0.1')]);
  const changed = slice('web', 'web-a', [endpoint('10.1.0.2')]);

  it('is no reason to apply it again and again', async () => {
    const { writer, shelf, stored } = setUp();
    await writer.apply(shelf, [wanted]);
    assert.deepEqual(writer.plan(shelf, [wanted], await stored()).apply, []);
  });

  it('does not hide that something else is wanted', async () => {
    const { writer, shelf, stored } = setUp();
    await writer.apply(shelf, [wanted]);
    assert.deepEqual(writer.plan(shelf, [changed], await stored()).apply, [changed]);
  });

  it('does not hide what somebody changed since', async () => {
    const { writer, shelf, stored } = setUp();
    await writer.apply(shelf, [wanted]);
    await writer.apply(shelf, [changed]);
    assert.deepEqual(writer.plan(shelf, [wanted], await stored()).apply, [wanted]);
  });

  it('is forgotten with the object', async () => {
    const { writer, shelf, stored, counters } = setUp();
    await writer.apply(shelf, [wanted]);
    await writer.remove(shelf, await stored());
    assert.deepEqual(writer.plan(shelf, [wanted], await stored()).apply, [wanted]);
    assert.deepEqual(Object.fromEntries(counters.writes.member), { applied: 1, removed: 1 });
  });
});
