import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SecretText } from '../../../src/api/secret-text.ts';
import type { BrokerCredentials } from '../../../src/membership/credentials.ts';
import { removeMember } from '../../../src/membership/remove-member.ts';
import type { Lab } from '../../lab/lab.ts';
import { openLab } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { collectionPath, objectPath, resourcesOf } from './everything.ts';
import type { Resource } from './everything.ts';
import { NAMESPACE, deploy, handsOf, joinAs, labels, site, untilEnforced } from './lab-clusterset.ts';
import type { Site } from './lab-clusterset.ts';
import type { Answer, RestClient } from './rest-client.ts';

/** What the tests below try, with the real token that joining gave to west. */

let lab: Lab;
let broker: Site;
let west: Site;
let east: Site;
let resources: Resource[];
let westsCredentials: BrokerCredentials;
/** West's and east's hands on the broker. */
let byWest: RestClient;
let byEast: RestClient;

before(async () => {
  lab = await openLab({ name: 'membership' });
  [broker, west, east] = await Promise.all([site(lab, 'broker'), site(lab, 'west'), site(lab, 'east')]);
  await deploy(broker);
  westsCredentials = (await joinAs('west', west, broker)).credentials;
  byWest = handsOf(westsCredentials);
  byEast = handsOf((await joinAs('east', east, broker)).credentials);
  await untilEnforced(byWest, 'west');
  resources = await resourcesOf(broker.admin);
});

after(async () => {
  for (const closeable of [byWest, byEast, broker, west, east]) closeable?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
});

interface Record {
  readonly resource: Resource;
  /** What a cluster calls its own object of that kind. */
  readonly nameOf: (cluster: string) => string;
  readonly content: (cluster: string) => object;
}

/** One object of each kind that members keep on the broker. */
function records(): Record[] {
  const resource = (name: string, group: string): Resource => {
    const found = resources.find((candidate) => candidate.name === name && candidate.group === group);
    assert.ok(found, `${name}.${group}`);
    return found;
  };
  return [
    {
      resource: resource('serviceimports', 'multicluster.x-k8s.io'),
      nameOf: (cluster) => `mysql.shop.${cluster}`,
      content: () => ({ spec: { type: 'ClusterSetIP', ports: [{ port: 3306 }], ips: [] } }),
    },
    {
      resource: resource('endpointslices', 'discovery.k8s.io'),
      nameOf: (cluster) => `mysql.shop.${cluster}.ipv4`,
      content: () => ({ addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'] }], ports: [] }),
    },
    {
      resource: resource('leases', 'coordination.k8s.io'),
      nameOf: (cluster) => cluster,
      content: () => ({ spec: { holderIdentity: 'agent' } }),
    },
    {
      resource: resource('clusters', 'pharos.io'),
      nameOf: (cluster) => cluster,
      content: (cluster) => ({ spec: { clusterId: cluster, podCIDRs: [], serviceCIDRs: [] } }),
    },
    {
      resource: resource('endpoints', 'pharos.io'),
      nameOf: (cluster) => `${cluster}.node-1.example`,
      content: (cluster) => ({
        spec: {
          clusterId: cluster,
          gateway: 'node-1.example',
          driver: 'ipsec',
          privateIP: '192.0.2.1',
          port: 4500,
          publicKeys: ['a2V5'],
          leaseEpoch: 1,
          preferred: true,
          heartbeat: '2026-01-31T12:00:00Z',
        },
      }),
    },
  ];
}

interface Attempt {
  readonly name: string;
  readonly labels?: Readonly<{ [label: string]: string }>;
  readonly finalizers?: string[];
}

const object = ({ resource, content }: Record, metadata: Attempt): object => ({
  apiVersion: resource.apiVersion,
  kind: resource.kind,
  metadata: { namespace: NAMESPACE, ...metadata },
  ...content(metadata.labels?.['multicluster.kubernetes.io/source-cluster'] ?? 'west'),
});

const create = (by: RestClient, record: Record, metadata: Attempt): Promise<Answer> =>
  by.send('POST', collectionPath(record.resource, NAMESPACE), {
    type: 'application/json',
    content: object(record, metadata),
  });

const apply = (by: RestClient, record: Record, metadata: Attempt): Promise<Answer> =>
  by.send(
    'PATCH',
    `${objectPath(record.resource, metadata.name, NAMESPACE)}?fieldManager=pharos&force=true`,
    { type: 'application/apply-patch+yaml', content: object(record, metadata) },
  );

const merge = (by: RestClient, record: Record, name: string, content: object): Promise<Answer> =>
  by.send('PATCH', objectPath(record.resource, name, NAMESPACE), {
    type: 'application/merge-patch+json',
    content,
  });

const remove = (by: RestClient, record: Record, name: string): Promise<Answer> =>
  by.send('DELETE', objectPath(record.resource, name, NAMESPACE));

const read = (by: RestClient, record: Record, name: string): Promise<Answer> =>
  by.send('GET', objectPath(record.resource, name, NAMESPACE));

const granted = (answer: Answer, what: string): void =>
  assert.ok(answer.status < 300, `${what}: ${answer.status} ${JSON.stringify(answer.body)}`);

const refused = (answer: Answer, what: string, why?: RegExp): void => {
  assert.equal(answer.status, 403, `${what}: ${JSON.stringify(answer.body)}`);
  if (why !== undefined) assert.match((answer.body as { message: string }).message, why, what);
};

/** The verbs of Kubernetes' RBAC as requests. */
const VERBS: readonly (readonly [string, (resource: Resource, namespace?: string) => Promise<Answer>])[] = [
  ['get', (resource, namespace) => byWest.send('GET', objectPath(resource, 'probe', namespace))],
  ['list', (resource, namespace) => byWest.send('GET', collectionPath(resource, namespace))],
  [
    'watch',
    (resource, namespace) =>
      byWest.send('GET', `${collectionPath(resource, namespace)}?watch=1&timeoutSeconds=1`),
  ],
  [
    'create',
    (resource, namespace) =>
      byWest.send(
        'POST',
        resource.name.includes('/')
          ? objectPath(resource, 'probe', namespace)
          : collectionPath(resource, namespace),
        { type: 'application/json', content: probe(resource) },
      ),
  ],
  [
    'update',
    (resource, namespace) =>
      byWest.send('PUT', objectPath(resource, 'probe', namespace), {
        type: 'application/json',
        content: probe(resource),
      }),
  ],
  [
    'patch',
    (resource, namespace) =>
      byWest.send('PATCH', objectPath(resource, 'probe', namespace), {
        type: 'application/merge-patch+json',
        content: {},
      }),
  ],
  ['delete', (resource, namespace) => byWest.send('DELETE', objectPath(resource, 'probe', namespace))],
  ['deletecollection', (resource, namespace) => byWest.send('DELETE', collectionPath(resource, namespace))],
];

/** Whether a request with this verb says anything: subresources have no collections, all namespaces no objects. */
const applies = (verb: string, { name, namespaced }: Resource, namespace: string | undefined): boolean =>
  !(name.includes('/') && ['list', 'watch', 'deletecollection'].includes(verb)) &&
  !(namespaced && namespace === undefined && !['list', 'watch'].includes(verb));

/** Whether RBAC ended it, rather than that the probe is no proper object or that the policy forbids this one. */
const isDenied = ({ status, body }: Answer): boolean =>
  status === 403 && / is forbidden: User ".*" cannot /.test((body as { message: string }).message);

const probe = ({ apiVersion, kind }: Resource): object => ({ apiVersion, kind, metadata: { name: 'probe' } });

/** What Kubernetes lets every authenticated user ask about themselves. */
const ABOUT_ONESELF = new Set([
  'create selfsubjectaccessreviews',
  'create selfsubjectrulesreviews',
  'create selfsubjectreviews',
]);

for (const [where, namespace, allowed] of [
  [
    'in the broker namespace',
    NAMESPACE,
    ['serviceimports', 'endpointslices', 'leases', 'clusters', 'endpoints'].flatMap((name) =>
      ['get', 'list', 'watch', 'create', 'patch', 'delete'].map((verb) => `${verb} ${name}`),
    ),
  ],
  ['in another namespace', 'kube-system', []],
  ['in a namespace that does not exist', 'nowhere', []],
  ['in all namespaces at once', undefined, []],
] as const) {
  test(`of each verb on each kind ${where} a member may do these and no other`, async () => {
    const tried = resources.flatMap((resource) =>
      VERBS.filter(([verb]) => applies(verb, resource, namespace)).map(async ([verb, attempt]) => {
        const what = `${verb} ${resource.name}`;
        const denied = isDenied(await attempt(resource, namespace));
        return denied || ABOUT_ONESELF.has(what) ? [] : [what];
      }),
    );
    const done = (await Promise.all(tried)).flat();
    assert.ok(resources.length > 60, `${resources.length} resources tried`);
    assert.deepEqual(done.sort(), [...allowed].sort());
  });
}

test('a member creates, reads, changes and removes its own records, by create and by apply', async () => {
  for (const record of records()) {
    const name = record.nameOf('west');
    const what = record.resource.name;
    granted(await create(byWest, record, { name, labels: labels('west') }), `create ${what}`);
    granted(await read(byWest, record, name), `get ${what}`);
    granted(await apply(byWest, record, { name, labels: labels('west') }), `apply ${what}`);
    granted(await merge(byWest, record, name, { metadata: { annotations: { a: 'b' } } }), `patch ${what}`);
    granted(await remove(byWest, record, name), `delete ${what}`);
    granted(await apply(byWest, record, { name, labels: labels('west') }), `create ${what} by apply`);
    granted(await remove(byWest, record, name), `delete ${what}`);
  }
});

test("a member reads others' records and can do nothing else to them", async () => {
  for (const record of records()) {
    const name = record.nameOf('east');
    const what = `${record.resource.name} of east`;
    granted(await create(byEast, record, { name, labels: labels('east') }), `east creates ${what}`);
    const before = await read(byWest, record, name);
    granted(before, `get ${what}`);
    const hands: readonly (readonly [string, Promise<Answer>])[] = [
      ['apply', apply(byWest, record, { name, labels: labels('east') })],
      ['apply as its own', apply(byWest, record, { name, labels: labels('west') })],
      ['annotate', merge(byWest, record, name, { metadata: { annotations: { a: 'b' } } })],
      ['take over', merge(byWest, record, name, { metadata: { labels: labels('west') } })],
      ['unlabel', merge(byWest, record, name, { metadata: { labels: null } })],
      ['delete', remove(byWest, record, name)],
    ];
    for (const [verb, answer] of hands) {
      refused(await answer, `${verb} ${what}`, /cluster "west" may change only objects labelled/);
    }
    assert.deepEqual(await read(byWest, record, name), before);
    granted(await remove(byEast, record, name), `east deletes ${what}`);
  }
});

for (const [sentence, metadata, why] of [
  [
    "another member's label",
    (own: string) => ({ name: own, labels: labels('east') }),
    /cluster "west" may write only objects labelled multicluster.kubernetes.io\/source-cluster=west/,
  ],
  ['no label', (own: string) => ({ name: own }), /may write only objects labelled/],
  [
    "another member's name",
    (_: string, others: string) => ({ name: others, labels: labels('west') }),
    /is not a name for an object of cluster "west"/,
  ],
  [
    'a name of no known form',
    () => ({ name: 'west-1', labels: labels('west') }),
    /"west-1" is not a name for/,
  ],
  [
    'a name with more around its own',
    (own: string) => ({ name: `a.${own}.b`, labels: labels('west') }),
    /is not a name for/,
  ],
  [
    'a finalizer, which would outlive the member',
    (own: string) => ({ name: own, labels: labels('west'), finalizers: ['west.example/forever'] }),
    /members may not set finalizers/,
  ],
] as const) {
  test(`a member creates nothing with ${sentence}`, async () => {
    for (const record of records()) {
      const attempt = metadata(record.nameOf('west'), record.nameOf('east'));
      const what = `${record.resource.name} ${attempt.name}`;
      refused(await create(byWest, record, attempt), `create ${what}`, why);
      refused(await apply(byWest, record, attempt), `apply ${what}`, why);
      assert.equal((await read(byWest, record, attempt.name)).status, 404, what);
    }
  });
}

test('a member publishes no networks and no keys for another one, under its own name either', async () => {
  for (const record of records().filter(({ resource: { group } }) => group === 'pharos.io')) {
    const name = record.nameOf('west');
    const forged = { ...record, content: () => record.content('east') };
    refused(
      await create(byWest, forged, { name, labels: labels('west') }),
      name,
      /may speak only for itself/,
    );
    granted(await create(byWest, record, { name, labels: labels('west') }), name);
    const change = { spec: { clusterId: 'east' } };
    refused(await merge(byWest, record, name, change), `change ${name}`, /may speak only for itself/);
    granted(await remove(byWest, record, name), name);
  }
});

for (const [sentence, change] of [
  ["another member's", { labels: labels('east') }],
  ["another one that is nobody's", { labels: labels('north') }],
  ['none', { labels: null }],
] as const) {
  test(`a member's own record does not change its label to ${sentence}`, async () => {
    for (const record of records()) {
      const name = record.nameOf('west');
      granted(await create(byWest, record, { name, labels: labels('west') }), name);
      refused(
        await merge(byWest, record, name, { metadata: change }),
        `${record.resource.name} ${name}`,
        /may write only objects labelled/,
      );
      granted(await remove(byWest, record, name), name);
    }
  });
}

test("a record's name and the service that its labels name can not contradict each other", async () => {
  const [serviceImport, slice] = records();
  assert.ok(serviceImport && slice);
  for (const record of [serviceImport, slice]) {
    const name = record.nameOf('west');
    for (const [label, value] of [
      ['multicluster.kubernetes.io/service-name', 'postgres'],
      ['pharos.io/source-namespace', 'bank'],
    ] as const) {
      const answer = await create(byWest, record, { name, labels: { ...labels('west'), [label]: value } });
      refused(answer, `${record.resource.name} with ${label}=${value}`, /is not a name for/);
    }
  }
});

test('the policy alone holds a member that was given too many rights', async () => {
  const rules = records().map(({ resource: { group, name } }) => ({
    apiGroups: [group],
    resources: [name, `${name}/status`],
    verbs: ['*'],
  }));
  await broker.api.apply([
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'too-much', namespace: NAMESPACE },
      rules,
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'too-much', namespace: NAMESPACE },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'too-much' },
      subjects: [{ kind: 'ServiceAccount', name: 'cluster-west', namespace: NAMESPACE }],
    },
  ]);
  for (const record of records()) {
    const name = record.nameOf('east');
    const what = `${record.resource.name} of east`;
    const created = await create(byEast, record, { name, labels: labels('east') });
    granted(created, what);
    const before = await read(byWest, record, name);
    const all = collectionPath(record.resource, NAMESPACE);
    // The new rights take a moment, too.
    await until('rights to delete collections', 10_000, async () => {
      const { body } = await byWest.send('DELETE', `${all}?dryRun=All&labelSelector=none`);
      return (body as { reason?: string }).reason === 'Forbidden' ? undefined : true;
    });
    refused(await byWest.send('DELETE', all), `delete all ${what}`, /may change only objects labelled/);
    const content = created.body as { metadata: object };
    const put = { ...content, metadata: { ...content.metadata, labels: labels('west') } };
    refused(
      await byWest.send('PUT', objectPath(record.resource, name, NAMESPACE), {
        type: 'application/json',
        content: put,
      }),
      `update ${what}`,
      /may change only objects labelled/,
    );
    if (record.resource.name === 'serviceimports') {
      const status = { ...record.resource, name: 'serviceimports/status' };
      refused(
        await byWest.send('PATCH', objectPath(status, name, NAMESPACE), {
          type: 'application/merge-patch+json',
          content: { status: { clusters: [{ cluster: 'west' }] } },
        }),
        'status of an import of east',
        /may change only objects labelled/,
      );
    }
    assert.deepEqual(await read(byWest, record, name), before);
    granted(await remove(byEast, record, name), what);
  }
  await broker.api.kubectl(['-n', NAMESPACE, 'delete', 'rolebinding,role', 'too-much']);
});

test("the broker's administrator may mend anything", async () => {
  for (const record of records()) {
    const name = record.nameOf('west');
    granted(await create(byWest, record, { name, labels: labels('west') }), name);
    granted(
      await merge(broker.admin, record, name, { metadata: { labels: { note: 'seen' } } }),
      `the administrator changes ${record.resource.name}`,
    );
    granted(await remove(broker.admin, record, name), `the administrator removes ${record.resource.name}`);
  }
});

const tokenRequest = {
  type: 'application/json',
  content: {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 600 },
  },
};
const tokenPath = (account: string, namespace = NAMESPACE): string =>
  `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;

test('a member renews its own token with its own token, and gets no other', async () => {
  const answer = await byWest.send('POST', tokenPath('cluster-west'), tokenRequest);
  granted(answer, 'its own token');
  refused(await byWest.send('POST', tokenPath('cluster-east'), tokenRequest), "east's token");
  refused(await byWest.send('POST', tokenPath('default'), tokenRequest), "the namespace's default token");
  refused(await byWest.send('POST', tokenPath('cluster-west', 'kube-system'), tokenRequest), 'elsewhere');
});

test('a member can not pose as somebody else', async () => {
  const path = collectionPath(records()[0]!.resource, NAMESPACE);
  for (const header of [
    `system:serviceaccount:${NAMESPACE}:cluster-east`,
    'system:serviceaccount:kube-system:default',
    'admin',
  ]) {
    using posing = handsOf(westsCredentials, { 'impersonate-user': header });
    refused(await posing.send('GET', path), header, /cannot impersonate/);
  }
});

test('the token of a removed member is void at once, also the one that it renewed', async () => {
  const { body } = await byWest.send('POST', tokenPath('cluster-west'), tokenRequest);
  const { token } = (body as { status: { token: string } }).status;
  await removeMember(broker.store, NAMESPACE, westsCredentials.cluster);
  const path = collectionPath(records()[0]!.resource, NAMESPACE);
  using renewed = handsOf({ ...westsCredentials, token: new SecretText(token) });
  for (const hands of [byWest, renewed]) {
    // The API server remembers a token that it has just accepted for some seconds.
    await until('the token void', 30_000, async () => {
      const { status } = await hands.send('GET', path);
      return status === 401 ? true : undefined;
    });
  }
});
