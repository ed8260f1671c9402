import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { Agent } from '../../../src/discovery/agent.ts';
import { openJoinedBroker } from '../../../src/membership/open-broker.ts';
import type { LogLine } from '../../unit/support/recording-log.ts';
import { recordingLog } from '../../unit/support/recording-log.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { Lab } from '../../lab/lab.ts';
import { openLab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { NAMESPACE, deploy, joinAs, site } from './lab-clusterset.ts';
import type { Site } from './lab-clusterset.ts';

/** Agents that have nothing but what joining gave them, on a broker that enforces its policy. */

let lab: Lab;
let broker: Site;
let west: Site;
let east: Site;
let agents: { lines: LogLine[]; close: () => Promise<void> }[] = [];

async function agentOf(name: string, member: Site): Promise<(typeof agents)[number]> {
  const { log, lines } = recordingLog();
  const cluster = parseClusterId(name);
  const random = Math.random;
  const joined = await openJoinedBroker({ member: member.store, cluster, clock: systemClock, random, log });
  assert.ok(joined);
  const agent = new Agent({
    cluster,
    member: member.store,
    broker: joined.store,
    brokerNamespace: joined.namespace,
    endpoints: 'pods',
    log,
    clock: systemClock,
    random,
  });
  const stop = new AbortController();
  const keeping = joined.keep(() => true, stop.signal);
  await agent.synced;
  return {
    lines,
    close: async () => {
      stop.abort();
      await agent.close();
      await keeping;
      joined.store.close();
    },
  };
}

before(async () => {
  lab = await openLab({ name: 'membership' });
  [broker, west, east] = await Promise.all([site(lab, 'broker'), site(lab, 'west'), site(lab, 'east')]);
  await deploy(broker);
  await joinAs('west', west, broker);
  await joinAs('east', east, broker);
  agents = [await agentOf('west', west), await agentOf('east', east)];
});

after(async () => {
  await Promise.all(agents.map(({ close }) => close()));
  for (const each of [broker, west, east]) each?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
});

const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const named = (name: string) => ({ name, namespace: 'shop' });
const exportOf = (name: string) => ({
  apiVersion: Kinds.ServiceExport.apiVersion,
  kind: 'ServiceExport',
  metadata: named(name),
});
const slice = (service: string) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { ...named(`${service}-abc`), labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.20.30.40'], conditions: { ready: true } }],
  ports: [{ port: 3306 }],
});

test('exports and their endpoints reach the other member through the policy', async () => {
  await east.api.apply([shop]);
  await west.api.apply([
    shop,
    ...['web', 'mysql'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: named(name),
      spec: { ports: [{ port: 3306 }], ...(name === 'mysql' && { clusterIP: 'None' }) },
    })),
    slice('web'),
    slice('mysql'),
    exportOf('web'),
    exportOf('mysql'),
  ]);
  for (const name of ['web', 'mysql']) {
    await until(`${name} in east`, 30_000, async () => {
      const imported = await east.store.get(Kinds.ServiceImport, named(name));
      const slices = await east.store.list(Kinds.EndpointSlice, {
        namespace: 'shop',
        labels: { 'multicluster.kubernetes.io/service-name': name },
      });
      return imported !== undefined && slices.length === 1 ? true : undefined;
    });
  }
});

test('what is no longer exported goes from the broker', async () => {
  await west.api.kubectl(['-n', 'shop', 'delete', 'serviceexport', 'web', 'mysql']);
  await until('no record', 30_000, async () => {
    const ofWest = { namespace: NAMESPACE, labels: { 'multicluster.kubernetes.io/source-cluster': 'west' } };
    const records = await broker.store.list(Kinds.ServiceImport, ofWest);
    const slices = await broker.store.list(Kinds.EndpointSlice, ofWest);
    return records.length + slices.length === 0 ? true : undefined;
  });
});

test('no agent ever tried what it may not do', () => {
  for (const { lines } of agents) {
    const refused = lines.filter((line) => JSON.stringify(line.fields).includes('forbidden'));
    assert.deepEqual(refused, []);
  }
});
