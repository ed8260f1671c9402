/**
 * Networks and API servers that fail, on real API servers: after each fault every object of every cluster
 * is what a fresh computation from the exports says.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import { Random } from '../../fuzz/random.ts';
import { isList, isWrite } from '../../lab/audit-log.ts';
import type { Treatment } from '../../lab/fault-proxy.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { freePort } from '../../lab/ports.ts';
import { until } from '../../lab/wait.ts';
import { ask } from '../../support/ask.ts';
import { startPharos } from '../../support/pharos.ts';
import { NAMESPACE, service, serviceExport, slice, step } from './churn.ts';
import { FaultyClusterset } from './faulty-clusterset.ts';

const LIMIT_MS = 180_000;
/** `PHAROS_TEST_LONG=1`: the outage with a thousand changes on each side, more of everything else. */
const LONG = process.env['PHAROS_TEST_LONG'] === '1';
const STEPS = LONG ? 60 : 12;
const OUTAGE_CHANGES = LONG ? 1000 : 40;
const SERVICES = ['web', 'db', 'cart', 'mail', 'auth', 'feed'];
const seed = Number(process.env['PHAROS_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const random = new Random(seed);
const HOUR_MS = 3_600_000;

let lab: Lab;
let set: FaultyClusterset;

before(async () => {
  lab = await openLab({ name: 'faults' });
  set = await FaultyClusterset.open(lab);
});
after(async () => {
  await set?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
});

/** Changes on both sides. */
async function churn(steps = STEPS): Promise<void> {
  for (let at = 0; at < steps; at++) {
    await Promise.all(set.members.map(({ store }) => step(store, SERVICES, random)));
  }
}

const treatAll = (treatment: Treatment, direction?: 'requests' | 'answers'): void => {
  for (const proxy of set.proxies) {
    if (direction !== 'answers') proxy.treat('requests', treatment);
    if (direction !== 'requests') proxy.treat('answers', treatment);
  }
};
const refuseAll = async (): Promise<void> => {
  for (const proxy of set.proxies) {
    await proxy.refuse();
    proxy.cut('reset');
  }
};
/** Until every agent has noticed. */
const noticed = async (): Promise<void> => {
  await until('all agents out of sight of the broker', LIMIT_MS, () =>
    set.members.every(({ agent }) => !agent.isBrokerInSight) ? true : undefined,
  );
};
/** The next connections end after some hundreds or thousands of bytes, again and again while changes go on. */
const broken = (by: 'end' | 'half-close' | 'reset', direction: 'requests' | 'answers') => async () => {
  for (let round = 0; round < 4; round++) {
    treatAll({ afterBytes: 200 + random.below(random.of([800, 8000])), by }, direction);
    await churn(Math.ceil(STEPS / 4));
  }
};

/** Each brings a fault about, and makes changes meanwhile; healing comes after. */
const FAULTS: Readonly<Record<string, () => Promise<void>>> = {
  'connections closed in order': async () => {
    for (let at = 0; at < STEPS; at++) {
      await churn(1);
      random.of(set.proxies).cut('end');
    }
  },
  'connections reset': async () => {
    for (let at = 0; at < STEPS; at++) {
      await churn(1);
      random.of(set.proxies).cut('reset');
    }
  },
  'answers truncated in mid-stream': broken('end', 'answers'),
  'answers reset in mid-stream': broken('reset', 'answers'),
  'requests cut off in mid-stream': broken('reset', 'requests'),
  'answers half-closed in mid-stream': broken('half-close', 'answers'),
  'one direction closed': async () => {
    for (const direction of ['requests', 'answers'] as const) {
      await churn(STEPS / 2);
      for (const proxy of set.proxies) proxy.halfClose(direction);
    }
    await churn(STEPS / 2);
  },
  'both directions stalled': async () => {
    treatAll('stall');
    await churn();
    await noticed();
  },
  'answers stalled, so that nobody hears what was done': async () => {
    treatAll('stall', 'answers');
    await churn();
    await noticed();
  },
  'a slow line': async () => {
    treatAll({ bytesPerSecond: 30_000 });
    await churn();
  },
  'no connection at all': async () => {
    await refuseAll();
    await churn();
    await noticed();
  },
  'history gone (410) on all servers': async () => {
    await refuseAll();
    await churn();
    await lab.forgetHistory();
    await Promise.all(
      [set.broker, set.west.api, set.east.api].map(async (api) => {
        await api.kill();
        await api.start();
      }),
    );
    await churn(2);
  },
  'a clock that jumps ahead and back': async () => {
    for (const hours of [30, -400, 0]) {
      for (const member of set.members) member.clock.offMs = hours * HOUR_MS;
      await churn(Math.ceil(STEPS / 3));
    }
  },
  'the own API server killed': async () => {
    await churn(STEPS / 2);
    await set.west.api.kill();
    await step(set.east.store, SERVICES, random);
    await set.west.api.start();
    await churn(STEPS / 2);
  },
};

describe(`the end state is exact (PHAROS_TEST_SEED=${seed})`, () => {
  it('without any fault', async () => {
    for (const { store } of set.members) {
      for (const name of SERVICES) {
        await store.apply(Kinds.Service, service(name, 'clusterIp'));
        await store.apply(Kinds.EndpointSlice, slice(name, ['10.1.0.1']));
        await store.apply(Kinds.ServiceExport, serviceExport(name));
      }
    }
    await set.exact();
  });

  for (const [what, fault] of Object.entries(FAULTS)) {
    it(`after ${what}`, async () => {
      await fault();
      for (const proxy of set.proxies) await proxy.heal();
      await set.exact();
      // And it goes on from there.
      await churn(2);
      await set.exact();
    });
  }
});

it(`a broker that was down while much changed is asked for one list of each kind, and no more than is needed`, async () => {
  const { broker } = set;
  await set.exact();
  const started = Date.now();
  const before = set.members.map(({ toBroker: { proxy } }) => proxy.made);
  await broker.kill();
  await noticed();
  const names = Array.from({ length: OUTAGE_CHANGES }, (_, at) => `out-${at}`);
  for (const { store } of set.members) {
    for (const name of names) {
      await store.apply(Kinds.Service, service(name, 'clusterIp'));
      await store.apply(Kinds.ServiceExport, serviceExport(name));
    }
  }
  // What is local does not wait for the broker.
  for (const { id, store } of set.members) {
    await until(`its own services in ${id}`, LIMIT_MS, async () => {
      const there = await store.list(Kinds.ServiceImport, { namespace: NAMESPACE });
      const found = new Set(there.map(({ metadata }) => metadata.name));
      return names.every((name) => found.has(name)) ? true : undefined;
    });
  }
  const backAt = Date.now();
  await broker.start();
  await set.exact();
  for (const [at, member] of set.members.entries()) {
    const asked = (await set.asked(broker, member)).filter(({ receivedAt }) => receivedAt >= started);
    const lists = Map.groupBy(
      asked.filter(isList).filter(({ status }) => status === 200),
      ({ resource }) => resource,
    );
    for (const [resource, each] of lists) assert.ok(each.length <= 1, `${each.length} lists of ${resource}`);
    const writes = asked.filter(isWrite).filter(({ status }) => status < 300);
    // A record and a slice for each, plus what was tried again because an answer was lost.
    assert.ok(writes.length >= 2 * OUTAGE_CHANGES, `${writes.length} writes`);
    assert.ok(writes.length <= 2 * OUTAGE_CHANGES + 10, `${writes.length} writes`);
    // Two watches that back off, and a bounded number of kept connections afterwards: no herd.
    const seconds = (backAt - started) / 1000;
    const made = member.toBroker.proxy.made - (before[at] ?? 0);
    assert.ok(made <= 2 * seconds * 4 + 100, `${made} connections in ${seconds} s and after`);
  }
});

it('an agent that starts behind a broken line writes nothing before its lists are complete', async () => {
  const { east, broker } = set;
  await east.stop();
  await set.west.store.remove(Kinds.ServiceExport, { name: 'out-0', namespace: NAMESPACE });
  const started = Date.now();
  east.toMember.proxy.treat('answers', { afterBytes: 6000, by: 'end' });
  east.toBroker.proxy.treat('answers', 'stall');
  const made = east.toMember.proxy.made;
  await east.start();
  await until('some attempts', LIMIT_MS, () => (east.toMember.proxy.made > made + 20 ? true : undefined));
  const asked = [...(await set.asked(east.api, east)), ...(await set.asked(broker, east))];
  assert.deepEqual(
    asked.filter(isWrite).filter(({ receivedAt }) => receivedAt >= started),
    [],
  );
  for (const proxy of set.proxies) await proxy.heal();
  await set.exact();
});

it('DNS serves on while its own API server is away, and goes on when that is back', async () => {
  const { west } = set;
  const port = await freePort();
  const name = `local.${NAMESPACE}.svc.clusterset.local`;
  await west.store.apply(Kinds.Service, service('local', 'headless'));
  await west.store.apply(Kinds.EndpointSlice, slice('local', ['10.1.0.9']));
  await west.store.apply(Kinds.ServiceExport, serviceExport('local'));
  await set.exact();
  await using dns = await startPharos(
    'dns',
    '--cluster-id=west',
    `--kubeconfig=${west.toMember.kubeconfig}`,
    `--listen=127.0.0.1:${port}`,
  );
  await dns.ready(LIMIT_MS);
  const answers = async (wanted: string): Promise<void> => {
    await until(`${name} = ${wanted}`, LIMIT_MS, async () => {
      assert.deepEqual((await ask({ address: '127.0.0.1', port }, name)).answers, [wanted]);
      return true;
    });
  };
  await answers('A 10.1.0.9');
  await west.api.kill();
  await until('it has noticed', LIMIT_MS, () => (dns.log().includes('out of sight') ? true : undefined));
  for (let at = 0; at < 20; at++) {
    assert.deepEqual((await ask({ address: '127.0.0.1', port }, name)).answers, ['A 10.1.0.9']);
    await sleep(10);
  }
  await west.api.start();
  await west.store.apply(Kinds.EndpointSlice, slice('local', ['10.1.0.10']));
  await answers('A 10.1.0.10');
});
