/** The agent on real API servers: what they default, refuse, order and forget is theirs. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { after, before, describe, it } from 'node:test';
import { Kinds } from '../../../src/api/kinds.ts';
import type { Gateway } from '../../../src/api/tunnel.ts';
import { command } from '../../lab/command.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { startCli } from '../../support/cli-process.ts';
import { startPharos } from '../../support/pharos.ts';
import { AGENT_USER, Clusterset, type Member } from './clusterset.ts';

const CLI = join(import.meta.dirname, '../../../src/cli.ts');
const GOOD = ['Valid=True Valid', 'Ready=True Exported', 'Conflict=False NoConflicts'];

const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const exported = (name: string, more: { annotations?: object; spec?: object; namespace?: string } = {}) => ({
  apiVersion: 'multicluster.x-k8s.io/v1beta1',
  kind: 'ServiceExport',
  metadata: {
    name,
    namespace: more.namespace ?? 'shop',
    ...(more.annotations && { annotations: more.annotations }),
  },
  ...(more.spec && { spec: more.spec }),
});
const service = (name: string, spec: object, inNamespace = 'shop') => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: inNamespace },
  spec,
});
const http = { name: 'http', port: 80 };
const endpoints = (
  name: string,
  addresses: readonly string[],
  {
    suffix = 'a',
    namespace = 'shop',
    ...more
  }: { suffix?: string; namespace?: string; addressType?: string } = {},
) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${name}-${suffix}`, namespace, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  ports: [{ name: 'http', port: 8080 }],
  ...more,
});

let lab: Lab;
let set: Clusterset;
let west: Member;
let east: Member;

before(async () => {
  lab = await openLab({ name: 'agent' });
  set = await Clusterset.open(lab);
  ({ west, east } = set);
  await Promise.all([west.apply(namespace('shop')), east.apply(namespace('shop'))]);
});
after(async () => {
  await set?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
});

/**
 * What Envoy Gateway makes of a ServiceImport as a route's backend, as others do: the slices with the label of
 * the Multi-Cluster Services API and without that of a Service; of them what is ready and has the port, by a
 * name and a protocol that must be there, the name empty where the port has none.
 */
async function backendsOf({ site: { store } }: Member, name: string): Promise<string[]> {
  const ref = { name, namespace: 'shop' };
  const slices = await store.list(Kinds.EndpointSlice, {
    namespace: 'shop',
    labels: { 'multicluster.kubernetes.io/service-name': name },
  });
  const own = slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === undefined);
  const wanted = (await store.get(Kinds.ServiceImport, ref))?.spec.ports ?? [];
  return wanted.flatMap((port) =>
    own.flatMap(({ endpoints, ports }) =>
      ports
        .filter((each) => each.name === (port.name ?? '') && each.protocol === port.protocol)
        .flatMap((each) =>
          endpoints
            .filter(({ conditions }) => conditions?.ready !== false)
            .flatMap(({ addresses }) => addresses.map((address) => `${address}:${each.port}`)),
        ),
    ),
  );
}

describe('an export', () => {
  it('of a ClusterIP Service is seen by all', async () => {
    await west.apply(
      service('web', { clusterIP: '10.0.1.1', ports: [http] }),
      endpoints('web', ['10.1.0.1']),
      exported('web'),
    );
    for (const member of [west, east]) {
      await member.shows('web', ['ClusterSetIP, http TCP 80, from west', 'west: 10.0.1.1']);
    }
    await west.says('web', GOOD);
  });

  it('is a ready backend for Gateway API implementations, which go by port names and protocols', async () => {
    await west.apply(
      service('bare', { clusterIP: '10.0.1.40', ports: [{ port: 8080 }] }),
      endpoints('bare', ['10.1.0.9']),
      exported('bare'),
    );
    await east.shows('bare', ['ClusterSetIP, TCP 8080, from west', 'west: 10.0.1.40']);
    assert.deepEqual(await backendsOf(east, 'bare'), ['10.0.1.40:8080']);
    assert.deepEqual(await backendsOf(east, 'web'), ['10.0.1.1:80']);
  });

  it('of a Service that does not exist waits for it', async () => {
    await west.apply(exported('late'));
    await west.says('late', ['Valid=False NoService']);
    await west.apply(service('late', { clusterIP: '10.0.1.2', ports: [http] }));
    await west.says('late', GOOD);
    await east.shows('late', ['ClusterSetIP, http TCP 80, from west', 'west: (10.0.1.2)']);
  });

  it('of an ExternalName Service is refused', async () => {
    await west.apply(
      service('outside', { type: 'ExternalName', externalName: 'example.com' }),
      exported('outside'),
    );
    await west.says('outside', ['Valid=False InvalidServiceType']);
    await east.shows('outside', []);
  });

  it('of a headless Service follows its pods, from none to many', async () => {
    await west.apply(
      service('db', { clusterIP: 'None', ports: [http] }),
      { ...endpoints('db', []), endpoints: null, ports: null },
      exported('db'),
    );
    await west.says('db', GOOD);
    await east.shows('db', ['Headless, http TCP 80, from west', 'west: ']);
    await west.apply(endpoints('db', ['10.1.0.5', '10.1.0.6']));
    await east.shows('db', ['Headless, http TCP 80, from west', 'west: 10.1.0.5 10.1.0.6']);
  });

  it('from a slice of more than 100 pods arrives in parts', async () => {
    const many = Array.from({ length: 150 }, (_, at) => `10.1.1.${at + 1}`);
    await west.apply(
      service('crowd', { clusterIP: 'None', ports: [http] }),
      endpoints('crowd', many),
      exported('crowd'),
    );
    await until('all of them', 60_000, async () => {
      const [, ...slices] = await east.view('crowd');
      assert.deepEqual(slices.flatMap((line) => line.split(' ').slice(1)).sort(), many.toSorted());
      assert.equal(slices.length, 2);
      return true;
    });
  });

  it('of a Service with all its fields arrives with them', async () => {
    await west.apply(
      service('full', {
        clusterIP: '10.0.1.3',
        ports: [
          { name: 'http', port: 80, appProtocol: 'kubernetes.io/h2c' },
          { name: 'dns', protocol: 'UDP', port: 53 },
        ],
        sessionAffinity: 'ClientIP',
        trafficDistribution: 'PreferClose',
        internalTrafficPolicy: 'Local',
      }),
      exported('full', {
        annotations: { 'pharos.io/weight': '5', 'pharos.io/policy': 'weighted' },
        spec: {
          exportedLabels: { team: 'payments', 'bad label': 'a value', 'app.kubernetes.io/name': 'full' },
          exportedAnnotations: { 'example.com/note': 'hi' },
        },
      }),
    );
    await east.shows('full', ['ClusterSetIP, http TCP 80, dns UDP 53, from west', 'west: (10.0.1.3)']);
    const { metadata, spec } = JSON.parse(
      await east.kubectl('get', 'serviceimport', '-n', 'shop', 'full', '-o', 'json'),
    ) as { metadata: { labels: object; annotations: object }; spec: object };
    assert.deepEqual(metadata.labels, {
      'app.kubernetes.io/name': 'full',
      'pharos.io/managed-by': 'pharos.io',
      team: 'payments',
    });
    assert.deepEqual(metadata.annotations, {
      'example.com/note': 'hi',
      'pharos.io/exports': '[{"cluster":"west","ips":["10.0.1.3"],"weight":5}]',
      'pharos.io/policy': 'weighted',
    });
    assert.partialDeepStrictEqual(spec, {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
      trafficDistribution: 'PreferClose',
      internalTrafficPolicy: 'Local',
      ipFamilies: ['IPv4'],
    });
  });

  it('is withdrawn with its Service', async () => {
    await west.delete('service', 'late');
    await west.says('late', ['Valid=False NoService']);
    await east.shows('late', []);
  });

  it('goes by the part of its cluster, and the import with the last one', async () => {
    await east.apply(
      service('pair', { clusterIP: '10.0.2.1', ports: [http] }),
      endpoints('pair', ['10.2.0.1']),
      exported('pair'),
    );
    await west.apply(
      service('pair', { clusterIP: '10.0.1.4', ports: [http] }),
      endpoints('pair', ['10.1.0.1']),
      exported('pair'),
    );
    for (const member of [west, east]) {
      await member.shows('pair', [
        'ClusterSetIP, http TCP 80, from east west',
        'east: 10.0.2.1',
        'west: 10.0.1.4',
      ]);
    }
    await east.delete('serviceexport', 'pair');
    await west.shows('pair', ['ClusterSetIP, http TCP 80, from west', 'west: 10.0.1.4']);
    await west.delete('serviceexport', 'pair');
    for (const member of [west, east]) await member.shows('pair', []);
  });

  it('is imported where its namespace is, and not while that is being deleted', async () => {
    await west.apply(
      namespace('lab'),
      service('probe', { clusterIP: '10.0.1.5', ports: [http] }, 'lab'),
      exported('probe', { namespace: 'lab' }),
    );
    await west.shows('probe', ['ClusterSetIP, http TCP 80, from west', 'west: (10.0.1.5)'], 'lab');
    await east.shows('probe', [], 'lab');
    await east.apply(namespace('lab'));
    await east.shows('probe', ['ClusterSetIP, http TCP 80, from west', 'west: (10.0.1.5)'], 'lab');
    // Nobody ends it: this API server has no controllers.
    await east.kubectl('delete', 'namespace', '--wait=false', 'lab');
    await east.shows('probe', [], 'lab');
    await set.settle();
  });
});

describe('a change', () => {
  it('of a port, of the cluster IP, and from ClusterIP to headless and back arrives', async () => {
    await west.apply(service('web', { clusterIP: '10.0.1.1', ports: [{ name: 'https', port: 443 }] }));
    await east.shows('web', ['ClusterSetIP, https TCP 443, from west', 'west: 10.0.1.1']);
    await west.delete('service', 'web');
    await west.apply(service('web', { clusterIP: '10.0.1.9', ports: [http] }));
    await east.shows('web', ['ClusterSetIP, http TCP 80, from west', 'west: 10.0.1.9']);
    await west.delete('service', 'web');
    await west.apply(service('web', { clusterIP: 'None', ports: [http] }));
    await east.shows('web', ['Headless, http TCP 80, from west', 'west: 10.1.0.1']);
    await west.delete('service', 'web');
    await west.apply(service('web', { clusterIP: '10.0.1.1', ports: [http] }));
    await east.shows('web', ['ClusterSetIP, http TCP 80, from west', 'west: 10.0.1.1']);
    await west.says('web', GOOD);
  });

  it('undone at once ends as it began', async () => {
    await west.delete('serviceexport', 'web');
    await west.apply(exported('web'));
    await set.settle();
    await east.shows('web', ['ClusterSetIP, http TCP 80, from west', 'west: 10.0.1.1']);
    await west.says('web', GOOD);
  });

  it('of the address type of a slice of the same name arrives', async () => {
    await west.delete('endpointslice', 'db-a');
    await west.apply({ ...endpoints('db', ['fd00::5']), addressType: 'IPv6' });
    await east.shows('db', ['Headless, http TCP 80, from west', 'west: fd00::5']);
    await west.delete('endpointslice', 'db-a');
    await west.apply(endpoints('db', ['10.1.0.5']));
    await east.shows('db', ['Headless, http TCP 80, from west', 'west: 10.1.0.5']);
  });
});

it('a conflict shows on both sides, and clears', async () => {
  await east.apply(
    service('web', { clusterIP: '10.0.2.2', ports: [{ name: 'http', port: 8080 }] }),
    exported('web', { spec: { exportedLabels: { team: 'b' } } }),
  );
  const bad = ['Valid=True Valid', 'Ready=True Exported', 'Conflict=True PortConflict,LabelsConflict'];
  for (const member of [west, east]) {
    await member.says('web', bad);
    await until(`an Event in ${member.name}`, 60_000, async () => {
      const events = await member.site.store.list(Kinds.Event, { namespace: 'shop' });
      const ours = events.filter(
        ({ regarding }) => regarding.kind === 'ServiceExport' && regarding.name === 'web',
      );
      return (
        ours.some(({ reason, note }) => reason === 'Conflict' && note.includes('port http: kept')) ||
        undefined
      );
    });
  }
  await east.apply(service('web', { clusterIP: '10.0.2.2', ports: [http] }));
  await east.kubectl(
    'patch',
    'serviceexport',
    '-n',
    'shop',
    'web',
    '--type=json',
    '-p=[{"op":"remove","path":"/spec/exportedLabels"}]',
  );
  for (const member of [west, east]) await member.says('web', GOOD);
  await east.shows('web', [
    'ClusterSetIP, http TCP 80, from east west',
    'east: (10.0.2.2)',
    'west: 10.0.1.1',
  ]);
});

describe('what stands in a cluster', () => {
  const view = ['ClusterSetIP, http TCP 80, from east west', 'east: (10.0.2.2)', 'west: 10.0.1.1'];
  const EDITS: Readonly<Record<string, readonly string[]>> = {
    'a deleted import': ['delete', 'serviceimport', 'web'],
    'a deleted slice': ['delete', 'endpointslice', 'web.west.ipv4'],
    'an edited import': ['patch', 'serviceimport', 'web', '--type=merge', '-p={"spec":{"type":"Headless"}}'],
    'an edited status': [
      'patch',
      'serviceimport',
      'web',
      '--subresource=status',
      '--type=merge',
      '-p={"status":{"clusters":[]}}',
    ],
    'an edited slice': [
      'patch',
      'endpointslice',
      'web.west.ipv4',
      '--type=merge',
      '-p={"endpoints":[{"addresses":["10.6.6.6"]}]}',
    ],
    'an import without our mark': ['label', 'serviceimport', 'web', 'pharos.io/managed-by-'],
    'a slice without our mark': [
      'label',
      'endpointslice',
      'web.west.ipv4',
      'endpointslice.kubernetes.io/managed-by-',
    ],
  };
  for (const [what, args] of Object.entries(EDITS)) {
    it(`is put back: ${what}`, async () => {
      const versions = async (): Promise<string> =>
        (await set.versions()).filter((line) => /^east \S+ shop\/web/.test(line)).join();
      const untouched = await versions();
      await east.kubectl('-n', 'shop', ...args);
      await until(
        'the edit and what follows',
        60_000,
        async () => (await versions()) !== untouched || undefined,
      );
      await set.settle();
      await east.shows('web', view);
      const marked = await east.kubectl(
        'get',
        'serviceimport,endpointslice',
        '-n',
        'shop',
        '-l',
        'pharos.io/managed-by=pharos.io',
        '-o',
        'name',
      );
      assert.match(marked, /^serviceimport\S*\/web$/m);
      assert.match(
        await east.kubectl(
          'get',
          'endpointslice',
          '-n',
          'shop',
          '-l',
          'endpointslice.kubernetes.io/managed-by=pharos.io',
          '-o',
          'name',
        ),
        /^endpointslice\S*\/web\.west\.ipv4$/m,
      );
    });
  }

  it('and bears a label of others keeps it, and costs no writes', async () => {
    await east.kubectl('-n', 'shop', 'label', 'serviceimport', 'web', 'example.com/seen=yes');
    await set.settle();
    const { writes } = east;
    await west.apply(endpoints('web', ['10.1.0.2']));
    await east.kubectl('-n', 'shop', 'annotate', 'namespace', 'shop', 'example.com/seen=yes');
    await set.settle();
    assert.equal(east.writes, writes);
    assert.match(
      await east.kubectl('get', 'serviceimport', '-n', 'shop', '-l', 'example.com/seen=yes', '-o', 'name'),
      /web/,
    );
    await east.kubectl('-n', 'shop', 'label', 'serviceimport', 'web', 'example.com/seen-');
  });

  it('and is not ours stays untouched', async () => {
    const foreign = {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: { name: 'taken', namespace: 'shop' },
      spec: { type: 'ClusterSetIP', ports: [{ port: 99 }] },
    };
    const labels = {
      'multicluster.kubernetes.io/service-name': 'other',
      'endpointslice.kubernetes.io/managed-by': 'x',
    };
    const foreignSlice = {
      ...endpoints('other', ['10.9.9.9']),
      metadata: { name: 'other.west.ipv4', namespace: 'shop', labels },
    };
    await east.apply(foreign, foreignSlice);
    const taken = async (): Promise<string[]> =>
      (await set.versions()).filter((line) => /^east \S+ shop\/(taken|other\.west\.ipv4) /.test(line));
    const before = await taken();
    for (const [at, name] of ['taken', 'other'].entries()) {
      await west.apply(service(name, { clusterIP: `10.0.1.2${at}`, ports: [http] }), exported(name));
      await west.says(name, GOOD);
    }
    await until(
      'the import beside the foreign slice',
      60_000,
      async () => (await east.view('other')).some((line) => line.startsWith('ClusterSetIP')) || undefined,
    );
    await set.settle();
    assert.deepEqual(await taken(), before);
    assert.equal(before.length, 2);
  });
});

/** What a command prints that does its work. */
const cli = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await command(process.execPath, [CLI, ...args], {
    env: { PATH: process.env['PATH'], HOME: lab.dir, USER: 'alice' },
  });
  assert.equal(code, 0, `pharos ${args.join(' ')}: ${stderr}`);
  return stdout;
};

describe('a cluster', () => {
  const shown = (...args: string[]): Promise<string> =>
    cli('show', 'clusters', '--kubeconfig', east.site.api.kubeconfig, ...args);
  const drainedIn = async ({ site: { store } }: Member): Promise<string[]> => {
    const found = await store.get(Kinds.ConfigMap, { name: 'pharos-drained', namespace: 'pharos-system' });
    return Object.keys(found?.data ?? {});
  };

  it('is alive while its agent beats, as every member sees with what it has', async () => {
    const table = await shown();
    assert.match(table, /^CLUSTER +STATE +LAST SEEN +SERVICES +JOINED +DRAINED$/m);
    for (const name of ['east', 'west'])
      assert.match(table, new RegExp(`^${name} +alive +\\d+s ago +\\d+ +- +-$`, 'm'));
    const [first] = JSON.parse(await shown('-o', 'json')) as { cluster: string; state: string }[];
    assert.partialDeepStrictEqual(first, { cluster: 'east', state: 'alive' });
    const onBroker = await cli('broker', 'show', '--kubeconfig', set.broker.api.kubeconfig);
    assert.match(onBroker, /^west +alive +\d+s ago +\d+ +\d+\S+ ago +-$/m);
  });

  it('that is drained is so in every member, with who did it and why, until it is undrained', async () => {
    const onBroker = ['--kubeconfig', set.broker.api.kubeconfig];
    await using watching = startCli([
      ...['show', 'clusters', '--watch', '--kubeconfig', east.site.api.kubeconfig],
    ]);
    await watching.says(/^west +alive .* -$/m);
    await cli('drain', 'west', ...onBroker, '--reason', 'new kernel');
    for (const member of [west, east]) {
      await until(`west drained in ${member.name}`, 60_000, async () => {
        assert.deepEqual(await drainedIn(member), ['west']);
        return true;
      });
    }
    assert.match(await shown(), /^west +alive .* by alice@\S+, \d+s ago: new kernel$/m);
    await watching.says(/^west +alive .* by alice@\S+, \d+s ago: new kernel$/m);
    await cli('undrain', 'west', ...onBroker);
    await watching.says(/new kernel\n(?:.*\n)*west .* -$/m);
    watching.kill('SIGTERM');
    const { status, stdout, stderr } = await watching.ended;
    assert.deepEqual([status, stderr, stdout.match(/^CLUSTER/gm)?.length], [0, '', 1]);
    for (const member of [west, east]) {
      await until(`west not drained in ${member.name}`, 60_000, async () => {
        assert.deepEqual(await drainedIn(member), []);
        return true;
      });
    }
  });

  it('cannot drain another, nor itself: members only read that', async () => {
    const account = 'system:serviceaccount:pharos-broker:cluster-west';
    for (const verb of ['create', 'patch', 'update', 'delete']) {
      const { stdout } = await set.broker.api.kubectl([
        ...['auth', 'can-i', verb, 'configmaps/pharos-drained', '-n', 'pharos-broker', `--as=${account}`],
      ]);
      assert.equal(stdout.trim(), 'no', verb);
    }
  });
});

describe('what a member sees', () => {
  const show = (what: string, ...args: string[]): Promise<string> =>
    cli('show', what, '--kubeconfig', east.site.api.kubeconfig, ...args);

  it('of services is told with what they are imported from, and how old that is', async () => {
    assert.match(await show('services'), /^shop +db +Headless +west +\d+s ago +-$/m);
    assert.match(
      await show('services', '-o', 'wide'),
      /^shop +web +ClusterSetIP +\S.* +\d+s ago +- +http 80\/TCP +/m,
    );
    const services = JSON.parse(await show('services', '-o', 'json')) as { name: string }[];
    assert.partialDeepStrictEqual(
      services.find(({ name }) => name === 'db'),
      { type: 'Headless', exporters: [{ cluster: 'west', isImported: true, state: 'alive' }], conflicts: [] },
    );
  });

  it('of its gateways and their connections is told as they say it', async () => {
    assert.match(await show('gateways'), /^GATEWAY +ROLE +STATE +LAST SEEN +CONNECTIONS +REMARKS\n$/);
    const { store } = east.site;
    const metadata = { name: 'node-1', namespace: 'pharos-system' };
    const kind = Kinds.Gateway;
    const gateway: Gateway = { apiVersion: kind.apiVersion, kind: 'Gateway', metadata };
    await store.apply(kind, gateway);
    await store.applyStatus(kind, {
      ...gateway,
      status: {
        haStatus: 'active',
        heartbeat: new Date().toISOString(),
        connections: [{ cluster: 'west', gateway: 'w1', driver: 'ipsec', state: 'degraded', reason: 'loss' }],
      },
    });
    assert.match(await show('gateways'), /^node-1 +active +(?:alive +\d+s ago +1|silent .* 0)\/1 up +-$/m);
    assert.match(await show('connections'), /^node-1 +west +w1 +ipsec +(?:degraded .* loss|unknown .*)$/m);
    await store.remove(kind, metadata);
  });

  it('of the ways into other clusters is told from the broker', async () => {
    const labels = { 'multicluster.kubernetes.io/source-cluster': 'west' };
    const kind = Kinds.TunnelEndpoint;
    const ref = { name: 'west.w1', namespace: 'pharos-broker' };
    await set.broker.store.apply(kind, {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { ...ref, labels },
      spec: {
        ...{ clusterId: 'west', gateway: 'w1', driver: 'wireguard', privateIP: '10.9.0.1', port: 4500 },
        ...{ publicKeys: ['a2V5'], leaseEpoch: 1, preferred: true, heartbeat: new Date().toISOString() },
      },
    });
    assert.match(
      await show('endpoints'),
      /^west +w1 +wireguard +10\.9\.0\.1:4500 +yes +(alive|silent) +\S+ ago +-$/m,
    );
    await set.broker.store.remove(kind, ref);
  });
});

describe('an agent', () => {
  it('that has nothing to do writes nothing', async () => {
    await set.settle();
    const [before, versions] = [west.writes + east.writes, await set.versions()];
    await set.settle(30);
    assert.equal(west.writes + east.writes, before);
    assert.deepEqual(await set.versions(), versions);
  });

  it('that is restarted changes nothing', async () => {
    const versions = await set.versions();
    for (const member of [west, east]) {
      await member.stop();
      await member.start();
      await set.settle();
    }
    assert.deepEqual(await set.versions(), versions);
    assert.equal(west.writes + east.writes, 0);
  });

  it('finds what was deleted while it was down', async () => {
    await west.stop();
    await east.stop();
    await west.delete('serviceexport', 'full');
    await east.delete('serviceimport', 'db');
    await Promise.all([west.start(), east.start()]);
    await east.shows('full', []);
    await east.shows('db', ['Headless, http TCP 80, from west', 'west: 10.1.0.5']);
  });

  it('is never refused a right, and never writes what an API server does not take', () => {
    for (const { name, lines } of [west, east]) {
      const refused = lines
        .map(({ fields }) => inspect(fields))
        .filter((text) => /HTTP 40[13]|HTTP 422/.test(text));
      assert.deepEqual(refused, [], name);
    }
  });

  it('runs as a process of its own with the same rights, and leads by its Lease', async () => {
    await west.stop();
    const process = await startPharos(
      'agent',
      `--kubeconfig=${west.kubeconfig}`,
      '--cluster-id=west',
      '--leader-elect',
      '--import-from=north',
    );
    try {
      await west.apply(service('led', { clusterIP: '10.0.1.7', ports: [http] }), exported('led'));
      await east.shows('led', ['ClusterSetIP, http TCP 80, from west', 'west: (10.0.1.7)']);
      await west.says('led', GOOD);
      await west.kubectl('get', 'lease', '-n', 'pharos-system', 'pharos-agent');
      // It tells what it lets in, so that this can be said.
      const why = /^shop +web .* east is left out: cluster east is not among --import-from/m;
      await until('the reason why east is left out', 60_000, async () => {
        assert.match(await cli('show', 'services', '--kubeconfig', west.site.api.kubeconfig), why);
        return true;
      });
    } finally {
      await process[Symbol.asyncDispose]();
    }
    await west.start();
  });

  it('goes on when its own API server was killed and is back', async () => {
    await east.site.api.kill();
    await west.apply(endpoints('db', ['10.1.0.7']));
    await west.delete('serviceexport', 'crowd');
    await east.site.api.start();
    await east.shows('db', ['Headless, http TCP 80, from west', 'west: 10.1.0.7']);
    await east.shows('crowd', []);
  });

  it('goes on when the broker was killed and is back, with all that changed meanwhile', async () => {
    await set.broker.api.kill();
    await west.apply(
      service('meanwhile', { clusterIP: '10.0.1.6', ports: [http] }),
      exported('meanwhile'),
      endpoints('db', ['10.1.0.8']),
    );
    await west.delete('service', 'web');
    await west.says('meanwhile', ['Valid=True Valid', 'Ready=Unknown Pending', 'Conflict=False NoConflicts']);
    await west.shows('db', ['Headless, http TCP 80, from west', 'west: 10.1.0.8']);
    await set.broker.api.start();
    await east.shows('db', ['Headless, http TCP 80, from west', 'west: 10.1.0.8']);
    await east.shows('meanwhile', ['ClusterSetIP, http TCP 80, from west', 'west: (10.0.1.6)']);
    await east.shows('web', ['ClusterSetIP, http TCP 80, from east', 'east: (10.0.2.2)']);
    await west.says('meanwhile', GOOD);
    await set.settle();
  });
});

describe('with the rights of an agent one', () => {
  const ROWS: readonly (readonly [may: 'may' | 'may not', what: string])[] = [
    ['may', 'patch secrets/pharos-broker -n pharos-system'],
    ['may not', 'get secrets/other -n pharos-system'],
    ['may not', 'list secrets -n pharos-system'],
    ['may not', 'get secrets/pharos-broker -n shop'],
    ['may not', 'patch leases/other -n pharos-system'],
    ['may', 'patch configmaps/pharos-drained -n pharos-system'],
    ['may', 'patch configmaps/pharos-import-rules -n pharos-system'],
    ['may not', 'patch configmaps/other -n pharos-system'],
    ['may not', 'patch services -n shop'],
    ['may not', 'patch serviceexports -n shop'],
    ['may not', 'delete namespaces'],
    ['may not', 'create pods -n shop'],
  ];
  it('may ask what its cluster is called (and hears, here, that nobody says so)', async () => {
    const path = '/apis/about.k8s.io/v1beta1/clusterproperties/cluster.clusterset.k8s.io';
    const { stderr } = await west.site.api.kubectl(['get', '--raw', path, `--as=${AGENT_USER}`]);
    assert.match(stderr, /NotFound/);
  });

  for (const [may, what] of ROWS) {
    it(`${may} ${what}`, async () => {
      const { stdout } = await west.site.api.kubectl([
        'auth',
        'can-i',
        ...what.split(' '),
        `--as=${AGENT_USER}`,
      ]);
      assert.equal(stdout.trim(), may === 'may' ? 'yes' : 'no');
    });
  }
});
