import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { judge } from '../../../../src/membership/lighthouse/compare.ts';
import type { LighthouseFacts } from '../../../../src/membership/lighthouse/facts.ts';
import { planMigration } from '../../../../src/membership/lighthouse/plan-migration.ts';

const SECTION =
  '#lighthouse-start AUTO-GENERATED SECTION. DO NOT EDIT\nclusterset.local:53 {\n    forward . 10.96.9.9\n}\n#lighthouse-end\n';
const REST = '.:53 {\n    reload\n}\n';
const corefile = (text: string, name = 'coredns') => ({
  ref: { namespace: 'kube-system', name },
  key: 'Corefile',
  text,
  resourceVersion: '7',
});
const FACTS: LighthouseFacts = {
  location: 'https://west:6443',
  discovery: {
    clusterId: 'west',
    broker: 'https://b, namespace submariner-k8s-broker',
    globalnet: false,
    customDomains: [],
  },
  replicas: { operator: 1, agent: 1 },
  servers: { lighthouse: ['10.96.9.9'], pharos: ['10.96.0.53'] },
  exports: ['shop/web'],
  imports: [
    {
      namespace: 'shop',
      name: 'web',
      type: 'ClusterSetIP',
      clusters: ['east', 'west'],
      addresses: ['10.96.1.1', '10.97.1.1'],
      hosts: [],
    },
    {
      namespace: 'shop',
      name: 'db',
      type: 'Headless',
      clusters: ['east'],
      addresses: ['10.2.0.5'],
      hosts: ['db-0.east'],
    },
  ],
  slices: ['shop/web-shop-west', 'shop/web-shop-east', 'shop/db-x-shop-east'],
  dnsTexts: [corefile(SECTION + REST)],
  pharosCluster: 'west',
};
const RECORDS = new Map([
  ['shop/web', new Set(['east', 'west'])],
  ['shop/db', new Set(['east'])],
]);
const plan = (facts: Partial<LighthouseFacts> = {}, records: typeof RECORDS | undefined = RECORDS) =>
  planMigration({ ...FACTS, ...facts }, records);

test('taking over changes where Lighthouse’s own section forwards to, and undoing gives every byte back', () => {
  const { state, blockers, takeOver, undo } = plan();
  assert.equal(state, 'serving');
  assert.deepEqual(blockers, []);
  assert.deepEqual(undo, [], 'there is nothing to undo yet');
  assert.equal(takeOver.length, 1);
  assert.equal(
    takeOver[0]?.after,
    SECTION.replace('forward . 10.96.9.9', 'forward . 10.96.0.53 # pharos: was 10.96.9.9') + REST,
  );
  assert.equal(takeOver[0]?.resourceVersion, '7', 'not over what somebody changed since');
  const after = plan({ dnsTexts: [corefile(takeOver[0]?.after ?? '')] });
  assert.equal(after.state, 'taken-over');
  assert.deepEqual(after.takeOver, [], 'a second time there is nothing to do');
  assert.equal(after.undo[0]?.after, SECTION + REST);
});

test('every name that Lighthouse answers is asked for', () => {
  assert.deepEqual(
    plan()
      .questions.filter(({ type }) => type === 'A')
      .map(({ name }) => name),
    [
      'web.shop.svc.clusterset.local',
      'east.web.shop.svc.clusterset.local',
      'west.web.shop.svc.clusterset.local',
      'db.shop.svc.clusterset.local',
      'east.db.shop.svc.clusterset.local',
      'db-0.east.db.shop.svc.clusterset.local',
    ],
  );
});

test('finishing puts Pharos’s own block in the place of the section, in one write', () => {
  const taken = plan().takeOver[0]?.after ?? '';
  const { finish, finishBlockers } = plan({
    dnsTexts: [corefile(taken)],
    replicas: { operator: 0, agent: 0 },
  });
  assert.deepEqual(finishBlockers, []);
  assert.equal(finish.length, 1);
  assert.doesNotMatch(finish[0]?.after ?? '', /lighthouse/);
  assert.match(
    finish[0]?.after ?? '',
    /# BEGIN pharos[^]*clusterset\.local:53 \{\n    errors\n    forward \. 10\.96\.0\.53\n\}/,
  );
  assert.equal((finish[0]?.after ?? '').startsWith(REST), true);
});

test('a Corefile without reload has CoreDNS restarted', () => {
  const { takeOver } = plan({ dnsTexts: [corefile(`${SECTION}.:53 {\n}\n`)] });
  assert.deepEqual(takeOver[0]?.restarts, { namespace: 'kube-system', name: 'coredns' });
});

suite('in the way is', () => {
  const cases: Readonly<Record<string, readonly [facts: Partial<LighthouseFacts>, says: RegExp]>> = {
    'that Pharos is not here': [
      { pharosCluster: undefined },
      /no member of a Pharos clusterset: run "pharos join" without/,
    ],
    'that Pharos does not answer here': [
      { servers: { lighthouse: ['10.96.9.9'], pharos: [] } },
      /Service pharos-system\/pharos-dns is missing/,
    ],
    'another name for the cluster': [
      { pharosCluster: 'west-1' },
      /it is "west" to Lighthouse and "west-1" to Pharos/,
    ],
    Globalnet: [{ discovery: { ...FACTS.discovery!, globalnet: true } }, /Globalnet/],
    'a domain of the user’s own': [
      { discovery: { ...FACTS.discovery!, customDomains: ['corp.example'] } },
      /Lighthouse answers corp\.example, too/,
    ],
    'a section that forwards to somebody else': [
      { dnsTexts: [corefile(SECTION.replace('10.96.9.9', '10.96.7.7') + REST)] },
      /forwards to 10\.96\.7\.7, not to Lighthouse at 10\.96\.9\.9/,
    ],
    'that no Corefile is Lighthouse’s, as on OpenShift': [
      { dnsTexts: [corefile(REST)] },
      /dns\.operator\/default/,
    ],
  };
  for (const [what, [facts, says]] of Object.entries(cases)) {
    test(what, () => {
      const { blockers } = plan(facts);
      assert.equal(blockers.length, 1, blockers.join('\n'));
      assert.match(blockers[0] ?? '', says);
    });
  }
});

suite('in the way of finishing is', () => {
  const taken = plan().takeOver[0]?.after ?? '';
  const ready = { dnsTexts: [corefile(taken)], replicas: { operator: 0, agent: undefined } };
  test('nothing where all is done', () => assert.deepEqual(plan(ready).finishBlockers, []));
  test('that Pharos does not answer yet', () => {
    assert.match(plan({ ...ready, dnsTexts: FACTS.dnsTexts }).finishBlockers[0] ?? '', /take over first/);
  });
  test('whoever would write it anew, with the command that ends it', () => {
    const [operator, agent] = plan({ ...ready, replicas: { operator: 1, agent: 2 } }).finishBlockers;
    assert.match(operator ?? '', /scale deployment submariner-operator --replicas=0/);
    assert.match(agent ?? '', /scale deployment submariner-lighthouse-agent --replicas=0/);
  });
  test('a cluster that exports through Lighthouse alone', () => {
    const records = new Map([...RECORDS, ['shop/web', new Set(['west'])] as const]);
    assert.deepEqual(plan(ready, records).finishBlockers, [
      'shop/web of east is not on Pharos’s broker: those clusters must join it, too',
    ]);
    assert.equal(plan(ready, new Map()).finishBlockers.length, 2);
  });
  test('a text that a distribution has the last word on', () => {
    const dnsTexts = [corefile(taken, 'rke2-coredns-rke2-coredns')];
    assert.match(plan({ ...ready, dnsTexts }).finishBlockers[0] ?? '', /by hand/);
    assert.deepEqual(plan({ ...ready, dnsTexts }).finish, []);
  });
});

test('nothing of Lighthouse is nothing to do', () => {
  const { state, takeOver, finish } = plan({
    discovery: undefined,
    imports: [],
    slices: [],
    dnsTexts: [corefile(REST)],
  });
  assert.equal(state, 'absent');
  assert.deepEqual(takeOver, []);
  assert.deepEqual(
    finish.map(({ after }) => after?.includes('BEGIN pharos')),
    [],
  );
});

suite('a pod', () => {
  const question = {
    name: 'web.shop.svc.clusterset.local',
    type: 'A',
    known: ['10.96.1.1', '10.97.1.1'],
  } as const;
  test('would not notice that the other cluster’s turn has come', () => {
    assert.deepEqual(judge(question, ['10.96.1.1'], ['10.97.1.1']), { is: 'same' });
  });
  test('misses nothing that there was not', () => assert.deepEqual(judge(question, [], []), { is: 'same' }));
  test('gains what Lighthouse does not answer', () =>
    assert.deepEqual(judge(question, [], ['10.9.9.9']), { is: 'same' }));
  test('would miss an answer', () => {
    assert.deepEqual(judge(question, ['10.96.1.1'], []), { is: 'missing', lighthouse: ['10.96.1.1'] });
  });
  test('would be sent to an address that nobody knows', () => {
    assert.deepEqual(judge(question, ['10.96.1.1'], ['243.0.0.1']), {
      is: 'differs',
      lighthouse: ['10.96.1.1'],
      pharos: ['243.0.0.1'],
    });
  });
});
