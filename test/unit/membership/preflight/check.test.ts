import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { assert as assertLaw, integer, property, tuple, uint8Array } from 'fast-check';
import { networkOf, overlaps, parseCidr, textOf } from '../../../../src/api/cidr.ts';
import { Kinds } from '../../../../src/api/kinds.ts';
import { accessInMember, describeAccess } from '../../../../src/membership/preflight/access.ts';
import {
  checkPreflight,
  expectPassed,
  type PreflightFacts,
} from '../../../../src/membership/preflight/check.ts';
import type { Networks } from '../../../../src/membership/preflight/networks.ts';
import { id } from '../fixture.ts';

const found = (...texts: string[]): Networks => ({
  is: 'found',
  networks: texts.map(parseCidr),
  source: 'the test',
  doubts: [],
});
const server = (version = 'v1.34.1') => ({ location: 'https://west:6443', version, denied: [] });
const other = (cluster: string, pods: string[], services: string[] = [], clusterset: string[] = []) => ({
  cluster,
  pods: pods.map(parseCidr),
  services: services.map(parseCidr),
  clusterset: clusterset.map(parseCidr),
});
const SOUND: PreflightFacts = {
  cluster: id('west'),
  member: server(),
  broker: { ...server(), location: 'https://broker:6443' },
  pods: found('10.1.0.0/16', 'fd01::/48'),
  services: found('10.101.0.0/16'),
  clusterset: [parseCidr('243.0.0.0/16')],
  others: [other('east', ['10.2.0.0/16', 'fd02::/48'], ['10.102.0.0/16'], ['243.0.0.0/16'])],
  clusterDns: { is: 'configurable', where: ['ConfigMap kube-system/coredns'] },
  gateways: { all: ['n1', 'n2', 'n3'], labelled: ['n1'], given: ['n2'] },
  stubZones: ['clusterset.local'],
  wants: { tunnels: true, clusterDns: true, clustersetIps: false, reverseZones: true },
};
const said = (facts: Partial<PreflightFacts>, level: 'warning' | 'refusal'): string[] =>
  checkPreflight({ ...SOUND, ...facts })
    .filter((finding) => finding.level === level)
    .map(({ text }) => text);

test('a cluster that fits is told what was found, and nothing is in its way', () => {
  const findings = checkPreflight(SOUND);
  assert.deepEqual(
    findings.map(({ level, text }) => `${level}: ${text}`),
    [
      'fine: the member, https://west:6443: Kubernetes v1.34.1, all that is needed is allowed',
      'fine: the broker, https://broker:6443: Kubernetes v1.34.1, all that is needed is allowed',
      'fine: pods have 10.1.0.0/16, fd01::/48, says the test',
      'fine: Services have 10.101.0.0/16, says the test',
      'fine: no network of another member is in the way (1 looked at)',
      'fine: gateways are n1, n2',
      'fine: cluster DNS is configured by ConfigMap kube-system/coredns',
    ],
  );
  expectPassed(findings);
});

suite('joining is refused', () => {
  const cases: Readonly<Record<string, readonly [facts: Partial<PreflightFacts>, says: RegExp]>> = {
    'where the member is too old': [
      { member: server('v1.29.3') },
      /the member, is Kubernetes v1\.29\.3: upgrade it to 1\.30 or later/,
    ],
    'where the broker is too old, as a cloud writes it': [
      { broker: server('v1.28.9-eks-036c24b') },
      /the broker, is Kubernetes v1\.28\.9-eks-036c24b/,
    ],
    'without permissions, with all that are missing': [
      {
        member: {
          ...server(),
          denied: [
            { verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'pharos-system' },
            { verb: 'create', group: '', resource: 'namespaces' },
          ],
        },
      },
      /may not patch deployments\.apps in pharos-system, create namespaces; use an administrator/,
    ],
    'where another member has the pods’ network, with both owners': [
      { others: [other('east', ['10.0.0.0/10'])] },
      /10\.1\.0\.0\/16, the pods of this cluster "west", overlaps 10\.0\.0\.0\/10, the pods of cluster "east"/,
    ],
    'where its Services are another’s pods': [
      { others: [other('east', ['10.101.5.0/24'])] },
      /10\.101\.0\.0\/16, the Services of this cluster "west", overlaps 10\.101\.5\.0\/24, the pods of cluster "east"/,
    ],
    'where another member has IPv6 in common': [
      { others: [other('east', [], ['fd01:0:0:5::/64'])] },
      /fd01::\/48, the pods of this cluster "west", overlaps fd01:0:0:5::\/64, the Services of cluster "east"/,
    ],
    'where clusterset IPs come out of its own network': [
      { clusterset: [parseCidr('10.101.128.0/17')], others: [] },
      /the Services of this cluster "west", overlaps 10\.101\.128\.0\/17, the clusterset’s IPs/,
    ],
    'where tunnels do not know what they are for': [
      { pods: { is: 'unknown', reason: 'give --pod-cidr' } },
      /the network of this cluster’s pods is not known: give --pod-cidr/,
    ],
    'where tunnels have no gateway, with the nodes to choose from': [
      { gateways: { all: ['n1', 'n2'], labelled: [], given: [] } },
      /no node is a gateway: name one, or better two, .*by --gateway-node, of n1, n2/,
    ],
    'where a gateway is no node': [
      { gateways: { all: ['n1'], labelled: ['n1'], given: ['n9'] } },
      /--gateway-node: there is no node n9; the cluster has n1/,
    ],
    'where cluster DNS can not be configured, and should': [
      { clusterDns: { is: 'by-hand', reason: 'kept by Helm' } },
      /kept by Helm/,
    ],
  };
  for (const [what, [facts, says]] of Object.entries(cases)) {
    test(what, () => {
      const refusals = said(facts, 'refusal');
      assert.equal(refusals.length, 1, refusals.join('\n'));
      assert.match(refusals[0] ?? '', says);
      assert.throws(() => expectPassed(checkPreflight({ ...SOUND, ...facts })), {
        code: 'preflight',
        message: says,
      });
    });
  }

  test('with everything that is in the way at once', () => {
    assert.throws(
      () => expectPassed(checkPreflight({ ...SOUND, member: server('v1.2'), broker: server('v1.3') })),
      {
        message: /the member.*; .*the broker/,
      },
    );
  });
});

suite('joining goes on with a warning', () => {
  const flat = { wants: { ...SOUND.wants, tunnels: false, clusterDns: false } };
  const cases: Readonly<Record<string, readonly [facts: Partial<PreflightFacts>, says: RegExp]>> = {
    'where networks overlap and no tunnel is wanted': [
      { ...flat, others: [other('east', ['10.1.0.0/16'])] },
      /overlaps 10\.1\.0\.0\/16, the pods of cluster "east": an answer may lead to the wrong one/,
    ],
    'where a network is not known and no tunnel is wanted': [
      { ...flat, services: { is: 'unknown', reason: 'nobody says it' } },
      /Services is not known/,
    ],
    'where cluster DNS is for the operator to configure': [
      { ...flat, clusterDns: { is: 'by-hand', reason: 'kept by Helm' } },
      /configured by hand/,
    ],
    'where a single gateway carries everything': [
      { gateways: { all: ['n1', 'n2'], labelled: ['n1'], given: [] } },
      /n1 is the only gateway/,
    ],
    'where members disagree on clusterset IPs': [
      { others: [other('east', [], [], ['243.9.0.0/16'])] },
      /cluster "east" has its clusterset IPs in 243\.9\.0\.0\/16, this one in 243\.0\.0\.0\/16/,
    ],
    'where the version is none that is known': [{ member: server('unknown') }, /"unknown": 1\.30 or later/],
  };
  for (const [what, [facts, says]] of Object.entries(cases)) {
    test(what, () => {
      const warnings = said(facts, 'warning');
      assert.equal(warnings.length, 1, warnings.join('\n'));
      assert.match(warnings[0] ?? '', says);
      expectPassed(checkPreflight({ ...SOUND, ...facts }));
    });
  }
});

test('two clusters are refused exactly where an address would be both’s, whichever joins first', () => {
  const network = tuple(uint8Array({ minLength: 4, maxLength: 4 }), integer({ min: 4, max: 28 })).map(
    ([bytes, length]) => networkOf(textOf(Uint8Array.of(10, bytes[1]! & 7, bytes[2]!, bytes[3]!)), length),
  );
  assertLaw(
    property(network, network, (mine, theirs) => {
      const refused = (own: string, others: string): boolean =>
        said(
          { pods: found(own), services: found('172.16.0.0/16'), others: [other('east', [others])] },
          'refusal',
        ).length > 0;
      assert.equal(refused(mine, theirs), overlaps(mine, theirs));
      assert.equal(refused(theirs, mine), overlaps(mine, theirs));
    }),
  );
});

test('what must be allowed follows from what is applied', () => {
  const access = accessInMember(
    [
      {
        kind: Kinds.Deployment,
        object: {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'a', namespace: 'pharos-system' },
        },
      },
      {
        kind: Kinds.Deployment,
        object: {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'b', namespace: 'pharos-system' },
        },
      },
      {
        kind: Kinds.Namespace,
        object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pharos-system' } },
      },
    ],
    ['kube-system'],
  );
  assert.deepEqual(access.map(describeAccess), [
    'get deployments.apps in pharos-system',
    'create deployments.apps in pharos-system',
    'patch deployments.apps in pharos-system',
    'get namespaces',
    'create namespaces',
    'patch namespaces',
    'get secrets in pharos-system',
    'create secrets in pharos-system',
    'patch secrets in pharos-system',
    'get configmaps in kube-system',
    'create configmaps in kube-system',
    'patch configmaps in kube-system',
  ]);
});
