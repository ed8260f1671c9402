import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { Lab } from '../../lab/lab.ts';
import { openLab } from '../../lab/lab.ts';
import { command } from '../../lab/command.ts';
import type { CommandResult } from '../../lab/command.ts';
import { changes, inventoryOf } from './everything.ts';
import { site } from './lab-clusterset.ts';
import type { Site } from './lab-clusterset.ts';

/** The commands as an operator types them, in the order in which he needs them. */

const CLI = join(import.meta.dirname, '../../../src/cli.ts');

let lab: Lab;
let broker: Site;
let west: Site;
let other: Site;

before(async () => {
  lab = await openLab({ name: 'membership' });
  [broker, west, other] = await Promise.all([site(lab, 'broker'), site(lab, 'west'), site(lab, 'other')]);
});

after(async () => {
  for (const each of [broker, west, other]) each?.[Symbol.dispose]();
  await lab?.[Symbol.asyncDispose]();
});

const pharos = (line: string, env: NodeJS.ProcessEnv = {}): Promise<CommandResult> =>
  command(process.execPath, [CLI, ...line.split(' ')], {
    env: { PATH: process.env['PATH'], HOME: lab.dir, ...env },
  });

/** Fails unless the command did; the error then shows what it said. */
async function done(line: string, env?: NodeJS.ProcessEnv): Promise<CommandResult> {
  const result = await pharos(line, env);
  assert.equal(result.code, 0, `pharos ${line}: ${result.stderr}`);
  return result;
}

/** Fails unless the command refused, in one line. */
async function refusal(line: string): Promise<string> {
  const { code, stdout, stderr } = await pharos(line);
  assert.equal(code, 1, `pharos ${line}: ${stdout}${stderr}`);
  assert.equal(stdout, '');
  assert.match(stderr, /^pharos [^\n]+\n$/);
  return stderr.trimEnd();
}

const onBroker = (): string => `--kubeconfig ${broker.api.kubeconfig}`;
const joining = (member: Site, id = 'west'): string =>
  `join --no-components --cluster-id ${id} --kubeconfig ${member.api.kubeconfig} --broker-kubeconfig ${broker.api.kubeconfig}`;

const kindsIn = (yaml: string): string[] =>
  parseAllDocuments(yaml).map((document) => (document.toJS() as { kind: string }).kind);

async function unchanged(sites: readonly Site[], act: () => Promise<void>): Promise<void> {
  const before = await Promise.all(sites.map(({ admin }) => inventoryOf(admin)));
  await act();
  for (const [index, { admin }] of sites.entries()) {
    assert.deepEqual(changes(before[index] ?? new Map(), await inventoryOf(admin)), []);
  }
}

test('joining before there is a broker says what to do first', async () => {
  assert.equal(
    await refusal(joining(west)),
    `pharos join: ${broker.address.server} is no broker in namespace pharos-broker; run "pharos broker deploy" ` +
      'against it first, or name the namespace with --broker-namespace',
  );
});

test('a dry run of the deployment prints manifests and touches nothing', () =>
  unchanged([broker], async () => {
    const { stdout } = await done(`broker deploy ${onBroker()} --dry-run`);
    assert.deepEqual(kindsIn(stdout), [
      'CustomResourceDefinition',
      'CustomResourceDefinition',
      'Namespace',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
      'Role',
    ]);
  }));

test('the broker is deployed, with the kubeconfig from where kubectl takes it', async () => {
  const { stdout, stderr } = await done('broker deploy', { KUBECONFIG: broker.api.kubeconfig });
  assert.equal(stdout, '');
  assert.match(stderr, /is a broker, namespace pharos-broker\. Next, .*pharos join/);
  assert.equal((await done(`broker show ${onBroker()} -o json`)).stdout, '[]\n');
});

test('what the dry run printed is what kubectl finds applied already', async () => {
  const { stdout } = await done(`broker deploy ${onBroker()} --dry-run`);
  const diff = await broker.api.kubectl(
    ['diff', '--server-side', '--force-conflicts', '--field-manager=pharos', '-f', '-'],
    { input: stdout },
  );
  assert.equal(diff.code, 0, diff.stdout + diff.stderr);
});

test('a dry run of joining prints the manifests of both sides and touches neither', () =>
  unchanged([broker, west], async () => {
    const { stdout } = await done(`${joining(west)} --dry-run`);
    assert.deepEqual(kindsIn(stdout), [
      'ServiceAccount',
      'Role',
      'RoleBinding',
      'RoleBinding',
      'CustomResourceDefinition',
      'CustomResourceDefinition',
      'CustomResourceDefinition',
      'Namespace',
    ]);
    assert.match(stdout, /# In the member, .* and a token that the broker issues then\n/);
  }));

test('west joins, and joins again', async () => {
  assert.match((await done(joining(west))).stderr, /is member "west" of .* was issued now, ends 20/);
  await unchanged([broker, west], async () => {
    assert.match((await done(joining(west))).stderr, /is member "west" of .* is still good, ends 20/);
  });
});

test("another cluster does not get west's id", () =>
  unchanged([broker, west, other], async () => {
    const error = await refusal(joining(other));
    assert.match(error, /^pharos join: The cluster id "west" is taken: another cluster \(kube-system uid /);
  }));

test('the broker shows its members', async () => {
  await done(joining(other, 'east'));
  const { stdout } = await done(`broker show ${onBroker()}`);
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^CLUSTER +STATE +LAST SEEN +SERVICES +JOINED +DRAINED$/);
  assert.match(lines[1] ?? '', /^east +never-heard +never +0 +\d+s ago +-$/);
  assert.match(lines[2] ?? '', /^west +never-heard +never +0 +\d+s ago +-$/);
  const wide = (await done(`broker show ${onBroker()} -o wide`)).stdout;
  assert.match(wide, /RECORDS {3}CLUSTER UID\n/);
  const members = JSON.parse((await done(`broker show ${onBroker()} -o json`)).stdout) as {
    cluster: string;
  }[];
  assert.deepEqual(
    members.map(({ cluster }) => cluster),
    ['east', 'west'],
  );
  const [yaml] = parseAllDocuments((await done(`broker show ${onBroker()} -o yaml`)).stdout);
  assert.deepEqual(yaml?.toJS(), members);
});

test('a member that is not there is not removed, and the near one is named', async () => {
  assert.equal(
    await refusal(`broker remove-cluster wset ${onBroker()}`),
    `pharos broker remove-cluster: ${broker.address.server} has no member "wset"; did you mean "west"?; ` +
      'its members: east, west',
  );
});

test('a member that is gone for good is removed', async () => {
  const { stderr } = await done(`broker remove-cluster east ${onBroker()}`);
  assert.match(stderr, /^"east" is no member of .* any more: 4 objects removed, its token is void\./);
});

test('a dry run of leaving lists what would go and touches nothing', () =>
  unchanged([broker, west], async () => {
    const { stdout } = await done(
      `leave --kubeconfig ${west.api.kubeconfig} --broker-kubeconfig ${broker.api.kubeconfig} --dry-run`,
    );
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      `# On the broker, ${broker.address.server}`,
      'remove RoleBinding pharos-broker/cluster-west',
      'remove RoleBinding pharos-broker/cluster-west.records',
      'remove Role pharos-broker/cluster-west',
      'remove ServiceAccount pharos-broker/cluster-west',
      `# In the member, ${west.address.server}`,
      'remove Secret pharos-system/pharos-broker',
      'remove Namespace pharos-system',
      'remove CustomResourceDefinition clusters.pharos.io',
      'remove CustomResourceDefinition endpoints.pharos.io',
      'remove CustomResourceDefinition gateways.pharos.io',
    ]);
  }));

test('west leaves', async () => {
  const line = `leave --kubeconfig ${west.api.kubeconfig} --broker-kubeconfig ${broker.api.kubeconfig}`;
  assert.match(
    (await done(line)).stderr,
    /\("west"\) is no member any more: 5 objects and 4 on the broker https:.* removed\n$/,
  );
  assert.equal((await done(`broker show ${onBroker()} -o json`)).stdout, '[]\n');
});

test('a cluster whose namespace is still being deleted does not join yet', async () => {
  // No controller runs in the lab's API servers alone that would end the deletion.
  const error = await refusal(joining(west));
  assert.match(error, /Namespace pharos-system at .* is still being deleted; join when it is gone$/);
});

test('a member without access to the broker takes back its own part, and says what stays', async () => {
  await done(joining(other, 'east'));
  const { stderr } = await done(`leave --kubeconfig ${other.api.kubeconfig}`);
  assert.match(stderr, /\("east"\) is no member any more: 5 objects removed\n/);
  assert.match(stderr, /there run: pharos broker remove-cluster east\n$/);
});
