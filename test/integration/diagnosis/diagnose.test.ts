/** Each check fails when what it proves is broken, and no other does. On real API servers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Secret } from '../../../src/api/administration.ts';
import { type Kind, Kinds } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import { checks } from '../../../src/diagnosis/checks.ts';
import { CREDENTIALS_REF } from '../../../src/membership/credentials.ts';
import { ownershipPolicyName } from '../../../src/membership/names.ts';
import type { ObjectRef, ObjectStore } from '../../../src/store/store.ts';
import { openLab, type Lab } from '../../lab/lab.ts';
import { runCli } from '../../support/cli-process.ts';
import { until } from '../../lab/wait.ts';
import { definitions, deploy, NAMESPACE, site, type Site } from '../membership/lab-clusterset.ts';
import * as member from './member.ts';

const { NOW, SYSTEM, put } = member;

let lab: Lab;
let broker: Site;
let west: Site;

before(async () => {
  lab = await openLab({ name: 'diagnose' });
  [broker, west] = await Promise.all([site(lab, 'broker'), site(lab, 'west')]);
  await deploy(broker);
  await member.healthyMember(west, broker);
});

after(async () => {
  for (const each of [broker, west]) each?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
});

const verdicts = async (is: string): Promise<string[]> =>
  (await member.diagnose(west, broker))
    .filter(({ verdict }) => verdict.is === is)
    .map(({ check }) => check.id);

/** Puts an object back as it was. */
async function kept(store: ObjectStore, kind: Kind, ref: ObjectRef): Promise<() => Promise<void>> {
  const before = await store.get(kind, ref);
  if (before === undefined) throw new Error(`there is no ${kind.kind} ${ref.name}`);
  return () => put<KubeObject>(store, kind, before);
}

interface Break {
  readonly check: string;
  /** Others that can't but fail then. */
  readonly also?: readonly string[];
  /** Breaks it; resolves with how to mend it. */
  readonly by: () => Promise<() => Promise<unknown>>;
  readonly says: RegExp;
}

const withObject =
  <T extends KubeObject>(store: () => ObjectStore, kind: Kind<T>, make: () => T | Promise<T>) =>
  async (): Promise<() => Promise<unknown>> => {
    const object = await make();
    const { name, namespace } = object.metadata;
    const ref = { name, ...(namespace !== undefined && { namespace }) };
    const before = await store().get(kind, ref);
    await put(store(), kind, object);
    return () => (before === undefined ? store().remove(kind, ref) : put(store(), kind, before));
  };
const inWest = <T extends KubeObject>(kind: Kind<T>, make: () => T | Promise<T>) =>
  withObject(() => west.store, kind, make);
const onBroker = <T extends KubeObject>(kind: Kind<T>, make: () => T | Promise<T>) =>
  withObject(() => broker.store, kind, make);
const without =
  (store: () => ObjectStore, kind: Kind, ref: ObjectRef) => async (): Promise<() => Promise<void>> => {
    const mend = await kept(store(), kind, ref);
    await store().remove(kind, ref);
    return mend;
  };

async function secretWith(data: Record<string, string>): Promise<Secret> {
  const secret = await west.store.get(Kinds.Secret, CREDENTIALS_REF);
  if (secret === undefined) throw new Error('there are no credentials');
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { ...secret, data: { ...secret.data, ...Object.fromEntries(encoded) } };
}

const HOUR = 3_600_000;

const noWayFromHere = inWest(Kinds.Secret, () => secretWith({ server: 'https://127.0.0.1:9' }));

const BREAKS: readonly Break[] = [
  {
    check: 'versions.components',
    by: async () => {
      await member.setImage(west.store, 'pharos-agent', 'pharos:0.0.9');
      return () => member.setImage(west.store, 'pharos-agent', 'pharos:0.1.0');
    },
    says: /2 versions run: 0\.0\.9 by Deployment pharos-agent; 0\.1\.0 by Deployment pharos-dns/,
  },
  {
    check: 'broker.joined',
    by: without(() => west.store, Kinds.Secret, CREDENTIALS_REF),
    says: /no Secret pharos-system\/pharos-broker/,
  },
  {
    check: 'broker.token',
    by: inWest(Kinds.Secret, () =>
      secretWith({ 'issued-at': member.at(NOW - 10 * HOUR), 'expires-at': member.at(NOW + HOUR) }),
    ),
    says: /should have been renewed long ago/,
  },
  {
    check: 'broker.accepted',
    by: inWest(Kinds.Secret, () => secretWith({ token: 'eyJhbGciOiJub25lIn0.e30.' })),
    says: /Unauthorized/i,
  },
  {
    check: 'broker.reachable',
    by: async () => {
      const secret = await noWayFromHere();
      const lease = await inWest(Kinds.Lease, () => member.agentLease(NOW - HOUR))();
      return () => Promise.all([secret(), lease()]);
    },
    says: /the agent last had an answer at .*\n.*ECONNREFUSED/,
  },
  {
    check: 'broker.policy',
    by: without(() => broker.store, Kinds.ValidatingAdmissionPolicyBinding, {
      name: ownershipPolicyName(NAMESPACE),
    }),
    says: /ValidatingAdmissionPolicyBinding records\.pharos-broker\.pharos\.io is missing/,
  },
  {
    check: 'broker.agent',
    by: async () => {
      await member.makeReady(west.store, 'pharos-agent', 0);
      return () => member.makeReady(west.store, 'pharos-agent');
    },
    says: /Deployment pharos-agent: 0 of 2 ready/,
  },
  {
    check: 'broker.heartbeat',
    by: onBroker(Kinds.Lease, async () => {
      const lease = await broker.store.get(Kinds.Lease, { name: 'west', namespace: NAMESPACE });
      return member.heartbeat(
        'west',
        lease?.metadata.annotations?.['pharos.io/cluster-uid'] ?? '',
        NOW - HOUR,
      );
    }),
    says: /last heard from "west" at/,
  },
  {
    check: 'broker.members',
    by: onBroker(Kinds.Lease, () => member.heartbeat('east', 'another', NOW - HOUR)),
    says: /"east" is silent since/,
  },
  {
    check: 'broker.id',
    by: onBroker(Kinds.Lease, () => member.heartbeat('west', 'of-a-stranger')),
    says: /a cluster whose kube-system has uid of-a-stranger/,
  },
  {
    check: 'dns.ready',
    by: async () => {
      await member.makeReady(west.store, 'pharos-dns', 1);
      return () => member.makeReady(west.store, 'pharos-dns');
    },
    says: /Deployment pharos-dns: 1 of 2 ready/,
  },
  {
    check: 'dns.endpoints',
    by: async () => {
      await member.putDnsSlice(west.store, []);
      return () => member.putDnsSlice(west.store, ['10.1.0.53']);
    },
    says: /has no ready endpoint/,
  },
  {
    check: 'dns.stub',
    by: inWest(Kinds.ConfigMap, () =>
      member.corefile('coredns', '.:53 {\n    forward . /etc/resolv.conf\n}\n'),
    ),
    says: /no block of ConfigMap kube-system\/coredns serves clusterset\.local/,
  },
  {
    check: 'dns.forward',
    // What is left behind when the Service is deleted and made anew.
    by: inWest(Kinds.ConfigMap, () =>
      member.corefile('coredns', 'clusterset.local:53 {\n    errors\n    forward . 10.255.0.9\n}\n'),
    ),
    says: /forwards the zone to 10\.255\.0\.9, Service pharos-dns is /,
  },
  {
    check: 'dns.node-local',
    by: inWest(Kinds.ConfigMap, () =>
      member.corefile('node-local-dns', 'cluster.local:53 {\n    forward . 10.0.0.10\n}\n'),
    ),
    says: /no block of ConfigMap kube-system\/node-local-dns serves clusterset\.local/,
  },
  {
    check: 'dns.reverse',
    by: inWest(Kinds.Cluster, () => {
      const east = member.clusterRecord('east', 2, SYSTEM);
      return { ...east, spec: { ...east.spec, podCIDRs: [...east.spec.podCIDRs, '10.4.0.0/16'] } };
    }),
    says: /reverse names of pods of "east" are not sent to Pharos: 4\.10\.in-addr\.arpa/,
  },
  {
    check: 'dns.exports-valid',
    by: inWest(Kinds.ServiceExport, () =>
      member.serviceExport(member.condition('Valid', 'False', 'NoService', 'there is no Service web')),
    ),
    says: /ServiceExport shop\/web: NoService: there is no Service web/,
  },
  {
    check: 'dns.exports-ready',
    by: inWest(Kinds.ServiceExport, () =>
      member.serviceExport(member.VALID, member.condition('Ready', 'False', 'Failed', 'quota')),
    ),
    says: /ServiceExport shop\/web: Failed: quota/,
  },
  {
    check: 'dns.conflicts',
    by: inWest(Kinds.ServiceExport, () =>
      member.serviceExport(
        member.VALID,
        member.READY,
        member.condition('Conflict', 'True', 'PortConflict', 'port 80: west says http, east says web'),
      ),
    ),
    says: /PortConflict: port 80/,
  },
  {
    check: 'dns.namespaces',
    by: onBroker(Kinds.ServiceImport, () => member.record('east', 'stock')),
    says: /namespace stock does not exist here: web of east/,
  },
  {
    check: 'dns.clusterset-ips',
    by: inWest(Kinds.ServiceImport, () =>
      member.serviceImport(
        [],
        member.condition('pharos.io/ClustersetIP', 'False', 'Exhausted', 'all in use'),
      ),
    ),
    says: /ServiceImport shop\/web: Exhausted: all in use/,
  },
  {
    check: 'dns.clusterset-routing',
    by: inWest(Kinds.ServiceImport, () => member.serviceImport(['243.0.0.1'])),
    says: /1 imports have clusterset IPs \(shop\/web\), and no route agent/,
  },
  {
    check: 'tunnel.alive',
    by: inWest(Kinds.Gateway, () =>
      member.gateway('node-2', { haStatus: 'passive', heartbeat: member.at(NOW - HOUR) }),
    ),
    says: /gateway node-2 is silent since/,
  },
  {
    check: 'tunnel.active',
    by: inWest(Kinds.Gateway, () => member.gateway('node-1', { haStatus: 'passive' })),
    says: /none of the gateways is active: node-1, node-2/,
  },
  {
    check: 'tunnel.single',
    by: inWest(Kinds.Gateway, () => member.gateway('node-2', { haStatus: 'active', leaseEpoch: 2 })),
    says: /2 gateways of this cluster are active: node-1 \(epoch 1\), node-2 \(epoch 2\)/,
  },
  {
    check: 'tunnel.single',
    by: inWest(Kinds.TunnelEndpoint, () => member.endpoint('node-2', { leaseEpoch: 2 })),
    says: /cluster "east" prefers 2 gateways: node-1 \(epoch 1\), node-2 \(epoch 2\)/,
  },
  {
    check: 'tunnel.connections',
    by: inWest(Kinds.Gateway, () =>
      member.gateway('node-1', {
        connections: [member.tunnelTo('node-1', { state: 'error', reason: 'no probe was ever answered' })],
      }),
    ),
    says: /node-1 to east\/node-1: error: no probe was ever answered/,
  },
  {
    check: 'tunnel.connections',
    by: inWest(Kinds.Cluster, () => member.clusterRecord('north', 3, SYSTEM)),
    says: /cluster "north": no gateway has a tunnel to it/,
  },
  {
    check: 'tunnel.loss',
    by: inWest(Kinds.Gateway, () =>
      member.gateway('node-1', {
        connections: [member.tunnelTo('node-1', { state: 'degraded', reason: '20 of 100 probes are lost' })],
      }),
    ),
    says: /20 of 100 probes are lost/,
  },
  {
    check: 'tunnel.encryption',
    by: inWest(Kinds.Gateway, () =>
      member.gateway('node-1', { connections: [member.tunnelTo('node-1', { driver: 'vxlan' })] }),
    ),
    says: /VXLAN carries everything in clear text/,
  },
  {
    check: 'tunnel.records',
    by: inWest(Kinds.Gateway, () =>
      member.gateway('node-1', {
        refused: [{ record: 'Endpoint east.node-9', reason: 'bad-key', message: 'no key' }],
      }),
    ),
    says: /Endpoint east\.node-9: bad-key: no key/,
  },
  {
    check: 'tunnel.overlap',
    by: onBroker(Kinds.Cluster, () => member.clusterRecord('east', 1, NAMESPACE)),
    says: /10\.1\.0\.0\/16, pods of "east", overlaps 10\.1\.0\.0\/16, pods of "west"/,
  },
];

test('where nothing is wrong nothing fails, and all that can be known is', async () => {
  const findings = await member.diagnose(west, broker);
  const notOk = findings.filter(({ verdict }) => verdict.is !== 'ok');
  assert.deepEqual(
    notOk.map(({ check, verdict }) => `${check.id} ${verdict.is}`),
    [
      'dns.answers unknown',
      'dns.cluster unknown',
      'dns.clusterset-routing skipped',
      ...checks.filter(({ id }) => id.startsWith('host.')).map(({ id }) => `${id} skipped`),
    ],
    JSON.stringify(notOk.map(({ verdict }) => verdict)),
  );
});

for (const { check, also = [], by, says } of BREAKS) {
  test(`${check} fails when that is broken, and no other: ${says.source}`, async () => {
    const mend = await by();
    try {
      const failed = (await member.diagnose(west, broker)).filter(({ verdict }) => verdict.is === 'failed');
      assert.deepEqual(
        failed.map((each) => each.check.id),
        [check, ...also],
        JSON.stringify(failed.map(({ verdict }) => verdict)),
      );
      const verdict = failed[0]?.verdict;
      assert.match(verdict?.is === 'failed' ? verdict.reasons.join('\n') : '', says);
    } finally {
      await mend();
    }
    assert.deepEqual(await verdicts('failed'), [], 'mended');
  });
}

test('a broker that is not seen from here is no fault while the agent reaches it', async () => {
  const mend = await noWayFromHere();
  try {
    const told = async (): Promise<string> => {
      const { verdict } =
        (await member.diagnose(west, broker)).find(({ check }) => check.id === 'broker.reachable') ??
        assert.fail();
      return JSON.stringify(verdict);
    };
    assert.deepEqual(await verdicts('failed'), []);
    // What an administrator's kubeconfig shows is known all the same.
    assert.ok((await verdicts('ok')).includes('broker.heartbeat'));
    assert.match(
      await told(),
      /"ok","note":"not seen from here, but it answered the agent at 20.*ECONNREFUSED/,
    );
    const silent = await without(() => west.store, Kinds.Lease, {
      name: 'pharos-agent',
      namespace: SYSTEM,
    })();
    assert.match(await told(), /"unknown","why":"not seen from here, and no agent tells that it reaches it/);
    await silent();
  } finally {
    await mend();
  }
});

test('definitions that are gone from the broker, or from the member, are told', async () => {
  const name = 'endpoints.pharos.io';
  for (const [where, check] of [
    [broker, 'broker.definitions'],
    [west, 'versions.definitions'],
  ] as const) {
    const fails = async (expected: readonly string[]): Promise<true> => {
      assert.deepEqual(await verdicts('failed'), expected);
      return true;
    };
    await where.store.remove(Kinds.CustomResourceDefinition, { name });
    // An API server takes a moment to serve a kind no more, and to serve it again.
    await until(`${check} failing`, 60_000, () => fails([check]));
    await where.store.apply(Kinds.CustomResourceDefinition, definitions.endpoint);
    await until(`${check} mended`, 60_000, () => fails([]));
  }
});

/** Broken in other files, since they take DNS servers, a kernel, or an API server that nobody can build any more. */
const ELSEWHERE = ['dns.answers', 'dns.cluster', 'versions.member', 'versions.broker'];

test('every check is broken by some test', () => {
  const broken = new Set([
    ...BREAKS.map(({ check }) => check),
    'broker.definitions',
    'versions.definitions',
    ...ELSEWHERE,
  ]);
  assert.deepEqual(
    checks.map(({ id }) => id).filter((id) => !broken.has(id) && !id.startsWith('host.')),
    [],
  );
});

test('the command prints the table and the mend, and its status tells whether something failed', async () => {
  const at = [`--kubeconfig=${west.api.kubeconfig}`];
  await west.store.remove(Kinds.ConfigMap, { name: 'node-local-dns', namespace: 'kube-system' });
  await member.makeReady(west.store, 'pharos-dns', 0);
  const all = await runCli(['diagnose', ...at, '--skip=broker.heartbeat', '--skip=broker.members']);
  assert.equal(all.status, 1, all.stderr);
  assert.match(all.stdout, /^CHECK +VERDICT +WHY\n/);
  assert.match(all.stdout, /^versions\.member +ok +v1\.\d+/m);
  assert.match(all.stdout, /^host\.tools +skipped +it is about a node/m);
  assert.match(all.stdout, /^dns\.ready +failed +Deployment pharos-dns: 0 of 2 ready$/m);
  assert.match(all.stdout, /^ {2}Mend: Look at `kubectl -n pharos-system describe pods/m);
  assert.match(all.stdout, /^dns\.node-local +skipped +there is no NodeLocal DNSCache$/m);
  assert.match(all.stdout, /^broker\.policy +skipped +a member may not see it/m);
  const one = await runCli(['diagnose', ...at, '--only=dns.forward', '--output=json']);
  assert.equal(one.status, 0, one.stderr);
  const { checks: found } = JSON.parse(one.stdout) as { checks: { id: string; verdict: string }[] };
  assert.deepEqual(
    found.map(({ id, verdict }) => `${id} ${verdict}`),
    ['dns.forward ok'],
  );
  const wrong = await runCli(['diagnose', ...at, '--only=dns.foward']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /there is no check "dns\.foward"; did you mean dns\.forward\?/);
});
