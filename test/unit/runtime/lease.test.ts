import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { Lease } from '../../../src/api/objects.ts';
import { epochOf, LeaderElection } from '../../../src/runtime/lease.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { StoreError } from '../../../src/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { recordingLog } from '../support/recording-log.ts';

const REF = { namespace: 'pharos', name: 'agent' };

function setUp() {
  const clock = new FakeClock();
  const memory = new MemoryStore({ location: 'memory', clock });
  const leading = new Set<string>();
  let overlapped = false;

  /** Another process that stands for election; its connection to the store can be cut. */
  function candidate(identity: string) {
    const store = new FaultyStore(memory);
    const { log, lines } = recordingLog();
    const election = new LeaderElection({ store, ...REF, identity, clock, random: () => 0, log });
    const stop = new AbortController();
    const terms: string[] = [];
    const running = election.run(stop.signal, async (signal) => {
      leading.add(identity);
      overlapped ||= leading.size > 1;
      terms.push('began');
      const { promise, resolve } = Promise.withResolvers<void>();
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      leading.delete(identity);
      terms.push('ended');
    });
    return { store, election, stop, running, terms, lines };
  }
  const lease = async (): Promise<Lease | undefined> => memory.get(Kinds.Lease, REF);
  return { clock, memory, leading, candidate, lease, overlapped: () => overlapped };
}

describe('leader election', () => {
  it('makes the first candidate leader, and writes that into the Lease', async () => {
    const { clock, candidate, lease } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    assert.deepEqual([a.election.isLeader, a.election.holder, a.election.transitions], [true, 'a', 1]);
    assert.deepEqual((await lease())?.spec, {
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
  });

  it('tells with each renewal what there is to tell', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ location: 'memory', clock });
    const { log } = recordingLog();
    let told: Record<string, string> = {};
    const options = { store, ...REF, identity: 'a', clock, random: () => 0, log };
    const election = new LeaderElection({ ...options, annotations: () => told });
    const stop = new AbortController();
    const running = election.run(stop.signal, (signal) => clock.sleep(60_000, signal));
    await clock.advance(0);
    const annotations = async () => (await store.get(Kinds.Lease, REF))?.metadata.annotations ?? {};
    assert.deepEqual(await annotations(), {});
    told = { 'example.com/word': 'one' };
    await clock.advance(2000);
    assert.deepEqual(await annotations(), told);
    stop.abort();
    await running;
  });

  it('renews every two seconds with one request, and lets nobody else lead meanwhile', async () => {
    const { clock, candidate, lease, leading, overlapped } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    const b = candidate('b');
    await clock.advance(60_000);
    assert.deepEqual([[...leading], overlapped()], [['a'], false]);
    assert.equal((await lease())?.spec.renewTime, '2026-01-01T00:01:00.000000Z');
    assert.equal((await lease())?.spec.acquireTime, '2026-01-01T00:00:00.000000Z');
    assert.deepEqual([a.store.leaseCalls.get, a.store.leaseCalls.apply], [1, 31]);
    assert.deepEqual([b.election.holder, b.store.leaseCalls.apply], ['a', 0]);
  });

  it('gives the Lease back at shutdown, so that the next one leads at its next look', async () => {
    const { clock, candidate, lease, leading } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    const b = candidate('b');
    await clock.advance(5000);
    a.stop.abort();
    await a.running;
    assert.deepEqual([a.terms, a.election.isLeader, a.election.transitions], [['began', 'ended'], false, 2]);
    assert.equal((await lease())?.spec.holderIdentity, undefined);
    await clock.advance(2000);
    assert.deepEqual([[...leading], b.election.isLeader], [['b'], true]);
    assert.equal((await lease())?.spec.leaseTransitions, 1);
  });

  it('gives each leader a higher epoch than all before, also where the Lease was made anew', async () => {
    const { clock, candidate, memory } = setUp();
    const epochs: number[] = [];
    for (const identity of ['a', 'b', 'c', 'd']) {
      if (identity === 'c') await memory.remove(Kinds.Lease, REF);
      const each = candidate(identity);
      await clock.advance(3000);
      epochs.push(each.election.epoch);
      await clock.advance(3000);
      assert.equal(each.election.epoch, epochs.at(-1), 'the same for all of its term');
      each.stop.abort();
      await each.running;
    }
    const seconds = Date.UTC(2026, 0, 1) / 1000;
    assert.deepEqual(
      epochs.map((epoch) => [Math.floor(epoch / 1e6) - seconds, epoch % 1e6]),
      [
        [0, 0],
        [0, 1],
        [12, 0],
        [12, 1],
      ],
    );
    assert.ok(
      epochOf(Date.UTC(2026, 0, 2), 0) > Math.max(...epochs),
      'a process without a Lease, started later',
    );
  });

  it('takes over from a leader that fell silent, after the lease time by its own clock', async () => {
    const { clock, candidate, leading, overlapped } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    const b = candidate('b');
    await clock.advance(5000);
    a.store.disconnect();
    await clock.advance(13_900);
    assert.equal(b.election.isLeader, false);
    await clock.advance(2_000);
    assert.deepEqual([[...leading], overlapped()], [['b'], false]);
  });

  it('makes a leader that can not renew stop before anyone else may take over', async () => {
    const { clock, candidate, leading } = setUp();
    const a = candidate('a');
    await clock.advance(1000);
    a.store.disconnect();
    await clock.advance(8_900);
    assert.deepEqual([...leading], ['a']);
    await clock.advance(200);
    assert.deepEqual([[...leading], a.terms], [[], ['began', 'ended']]);
    assert.equal(a.lines.filter(({ message }) => message === 'Lost leadership').length, 1);
    assert.equal(a.lines.filter(({ level }) => level === 'warn').length, 2, 'the failure is news once');
  });

  it('makes a leader stop in time even if its renewal gets no answer at all', async () => {
    const { clock, candidate, leading } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    a.store.apply = () => new Promise(() => {});
    await clock.advance(9_999);
    assert.deepEqual([...leading], ['a']);
    await clock.advance(1);
    assert.deepEqual([...leading], []);
  });

  it('lets a former leader lead again once it reaches the store', async () => {
    const { clock, candidate, leading, lease } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    a.store.disconnect();
    await clock.advance(12_000);
    a.store.reconnect('changes');
    await clock.advance(2_500);
    assert.deepEqual([[...leading], a.terms], [['a'], ['began', 'ended', 'began']]);
    assert.equal((await lease())?.spec.leaseTransitions, 0, 'nobody else had led');
  });

  it('does not care what clocks of others show', async () => {
    const { clock, memory, candidate, leading } = setUp();
    const far = { holderIdentity: 'x', leaseDurationSeconds: 15, leaseTransitions: 3 };
    for (const year of ['1999', '2099']) {
      await memory.apply(Kinds.Lease, {
        apiVersion: Kinds.Lease.apiVersion,
        kind: 'Lease',
        metadata: REF,
        spec: {
          ...far,
          acquireTime: `${year}-01-01T00:00:00.000000Z`,
          renewTime: `${year}-01-01T00:00:00.000000Z`,
        },
      });
    }
    const a = candidate('a');
    await clock.advance(14_000);
    assert.deepEqual([[...leading], a.election.holder], [[], 'x']);
    clock.setWallClock(0);
    await clock.advance(900);
    assert.deepEqual([...leading], []);
    await clock.advance(200);
    assert.deepEqual([...leading], ['a']);
  });

  it('respects the time that the holder asked for, where that is longer than its own', async () => {
    const { clock, memory, candidate, leading } = setUp();
    await memory.apply(Kinds.Lease, {
      apiVersion: Kinds.Lease.apiVersion,
      kind: 'Lease',
      metadata: REF,
      spec: { holderIdentity: 'x', leaseDurationSeconds: 60 },
    });
    candidate('a');
    await clock.advance(59_000);
    assert.deepEqual([...leading], []);
    await clock.advance(2_000);
    assert.deepEqual([...leading], ['a']);
  });

  it('stops at once when somebody else holds the Lease', async () => {
    const { clock, memory, candidate, leading, lease } = setUp();
    candidate('a');
    await clock.advance(0);
    const stolen = await lease();
    assert.ok(stolen);
    await memory.apply(Kinds.Lease, { ...stolen, spec: { ...stolen.spec, holderIdentity: 'x' } });
    await clock.advance(2_000);
    assert.deepEqual([...leading], []);
    assert.equal((await lease())?.spec.holderIdentity, 'x', 'what others hold is not given back');
  });

  it('goes on to lead when others changed only what does not matter', async () => {
    const { clock, memory, candidate, leading, lease } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    const seen = await lease();
    assert.ok(seen);
    await memory.apply(Kinds.Lease, { ...seen, metadata: { ...seen.metadata, labels: { touched: 'yes' } } });
    await clock.advance(30_000);
    assert.deepEqual([[...leading], a.terms, a.lines.length], [['a'], ['began'], 1]);
  });

  it('makes one leader when many begin at once, also where the Lease does not exist yet', async () => {
    const { clock, candidate, leading, overlapped } = setUp();
    const all = ['a', 'b', 'c', 'd', 'e'].map(candidate);
    await clock.advance(60_000);
    assert.deepEqual([leading.size, overlapped()], [1, false]);
    assert.equal(
      all.reduce((terms, { election }) => terms + election.transitions, 0),
      1,
    );
  });

  it('waits with good grace for a store that is away at the start', async () => {
    const { clock, candidate, leading } = setUp();
    const a = candidate('a');
    a.store.disconnect(new StoreError('unavailable', 'Cannot reach it'));
    await clock.advance(60_000);
    assert.deepEqual([...leading], []);
    a.store.reconnect('changes');
    await clock.advance(2_500);
    assert.deepEqual([...leading], ['a']);
  });

  for (const [how, lead, outcome] of [
    ['ends by itself', async () => {}, 'resolved'],
    ['fails', async () => Promise.reject(new Error('work failed')), 'work failed'],
  ] as const) {
    it(`gives the Lease back when the work ${how}, and hands on how that was`, async () => {
      const { clock, memory, lease } = setUp();
      const { log } = recordingLog();
      const election = new LeaderElection({
        store: memory,
        ...REF,
        identity: 'a',
        clock,
        random: () => 0,
        log,
      });
      const ended = election.run(new AbortController().signal, lead).then(
        () => 'resolved',
        (error: Error) => error.message,
      );
      assert.equal(await ended, outcome);
      assert.deepEqual([(await lease())?.spec.holderIdentity, election.isLeader], [undefined, false]);
    });
  }
});
