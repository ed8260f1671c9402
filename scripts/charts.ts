/**
 * `npm run charts`: writes the parts of deploy/ that follow from the code and from each other - the broker's
 * manifests, the definitions inside the charts, and the plain manifests of a member, which are the chart
 * "pharos" rendered by Helm with its default values.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { stringify } from 'yaml';
import { BROKER_NAMESPACE, SYSTEM_NAMESPACE } from '../src/api/names.ts';
import { shippedDefinitions } from '../src/membership/definitions.ts';
import { planBroker } from '../src/membership/deploy.ts';
import type { Manifest } from '../src/membership/manifest.ts';
import { manifestsYaml } from '../src/membership/yaml.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { ensureBinaries } from '../test/lab/binaries.ts';
import { must } from '../test/lab/command.ts';
import { dashboard } from './dashboard.ts';

const root = join(import.meta.dirname, '..');
const deploy = join(root, 'deploy');
const CRDS = join(deploy, 'crds');

/** What stands for the release's namespace until Helm knows it; no other text of the manifests has it. */
const RELEASE = 'release-namespace';

/** Without a server to ask, Helm must be told for which version it renders. */
const KUBE_VERSION = '1.34.0';

const GENERATED = 'Written by `npm run charts`; edit what it is made from.';

/** Files below deploy/ that follow from other files and the code: path → text. Needs no Helm. */
export async function chartFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const broker = await newBroker(BROKER_NAMESPACE);
  files.set(
    'broker/broker.yaml',
    await formatted(
      'broker.yaml',
      manifestsYaml(`What "pharos broker deploy" applies. ${GENERATED}`, broker),
    ),
  );
  files.set('charts/pharos-broker/templates/broker.yaml', brokerTemplate(await newBroker(RELEASE)));
  const onBroker = new Set(
    broker
      .filter(({ object }) => object.kind === 'CustomResourceDefinition')
      .map(({ object }) => object.metadata.name),
  );
  for (const name of readdirSync(CRDS).filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(join(CRDS, name), 'utf8');
    files.set(`charts/pharos/crds/${name}`, text);
    const [group = '', plural = ''] = name.replace('.yaml', '').split('_');
    if (onBroker.has(`${plural}.${group}`)) files.set(`charts/pharos-broker/crds/${name}`, text);
  }
  const shown = await formatted('dashboard.json', JSON.stringify(dashboard()), 'json');
  for (const path of ['monitoring', 'charts/pharos/files']) files.set(`${path}/dashboard.json`, shown);
  files.set('charts/pharos/files/rules.yaml', readFileSync(join(deploy, 'monitoring/rules.yaml'), 'utf8'));
  return files;
}

/** What a new API server needs to be a broker. */
const newBroker = async (namespace: string): Promise<Manifest[]> =>
  planBroker(
    new MemoryStore({ location: 'a new API server', clock: systemClock }),
    namespace,
    await shippedDefinitions(),
  );

/** Helm makes the namespace itself, and definitions have a template of their own. */
function brokerTemplate(manifests: readonly Manifest[]): string {
  const documents = manifests
    .filter(({ object }) => !['CustomResourceDefinition', 'Namespace'].includes(object.kind))
    .map(({ object }) => stringify(object, { lineWidth: 0 }));
  const text = `# ${GENERATED}\n${documents.join('---\n')}`;
  if (text.includes('{{')) throw new Error('The broker’s manifests hold what Helm would take for a template');
  return text.replaceAll(RELEASE, '{{ .Release.Namespace }}');
}

/** The chart "pharos" as Helm renders it with the default values. */
export const memberManifests = (): Promise<string> =>
  rendered('member.yaml', 'What runs in a member: the chart "pharos" with its default values.');

/** Gateways and route agents as the chart renders them; the networks, which it insists on, are no part of it. */
export const hostManifests = (): Promise<string> =>
  rendered(
    'host.yaml',
    'Gateways and route agents, which "pharos join --gateway" adds to member.yaml.',
    '--show-only=templates/host.yaml',
    '--set=gateway.enabled=true,routeAgent.enabled=true,podCIDRs={10.1.0.0/16},serviceCIDRs={10.101.0.0/16}',
  );

async function rendered(name: string, says: string, ...args: readonly string[]): Promise<string> {
  const { helm } = await ensureBinaries(['helm']);
  const text = await must(helm, [
    'template',
    'pharos',
    join(deploy, 'charts/pharos'),
    `--namespace=${SYSTEM_NAMESPACE}`,
    `--kube-version=${KUBE_VERSION}`,
    ...args,
  ]);
  return formatted(name, `# ${says} ${GENERATED}\n${text}`);
}

const formatted = async (name: string, text: string, parser: 'yaml' | 'json' = 'yaml'): Promise<string> =>
  format(text, { ...(await resolveConfig(join(deploy, name))), parser });

function write(path: string, text: string): void {
  mkdirSync(dirname(join(deploy, path)), { recursive: true });
  writeFileSync(join(deploy, path), text);
}

if (import.meta.main) {
  for (const [path, text] of await chartFiles()) write(path, text);
  write('manifests/member.yaml', await memberManifests());
  write('manifests/host.yaml', await hostManifests());
}
