/** The way from a question to its answer, in words. */
import { conflictText } from '../discovery/conflict.ts';
import { isImported } from '../discovery/labels.ts';
import { originOf, type ZoneName } from '../zone/name.ts';
import type { Cache, Candidate, Choice, ObjectReference, Step } from './explanation.ts';
import type { Exporters } from './exporters.ts';
import { keyText, type Finding, type ServiceName } from './finding.ts';
import { sentAnswer } from './sent.ts';
import type { Background } from './background.ts';

export function stepsOf(finding: Finding, caches: readonly Cache[]): Step[] {
  const { name, service, world, exporters, candidates, choice } = finding;
  const { background } = world;
  return [
    zoneStep(finding),
    ...(name === undefined ? [] : [nameStep(name)]),
    ...(service === undefined || background === undefined || exporters === undefined
      ? []
      : [
          namespaceStep(service, background, exporters),
          exportsStep(service, background, exporters),
          importStep(finding, service, background, exporters),
        ]),
    ...(finding.isImported && candidates.length > 0 ? [clustersStep(candidates)] : []),
    ...(choice === undefined ? [] : [choiceStep(choice)]),
    answerStep(finding),
    ...cachesStep(finding, caches),
  ];
}

const step = (
  id: Step['id'],
  state: Step['state'],
  text: string,
  objects: readonly ObjectReference[] = [],
): Step => ({ id, state, text, objects });

function zoneStep({ question, answer, world: { zone, cluster } }: Finding): Step {
  const who = cluster === undefined ? 'The server' : `The server of cluster ${cluster}`;
  if (answer.kind === 'refused') {
    const zones = zone.origins.map((origin) => origin.name).join(', ');
    return step('zone', 'cause', `${who} is asked for ${question.name} and serves ${zones}`);
  }
  if (answer.kind === 'not-synced') return step('zone', 'cause', `${who} answers SERVFAIL: ${answer.detail}`);
  const apex = originOf(question.labels, zone.origins)?.name ?? 'a reverse zone';
  if (zone.staleSince !== undefined) {
    return step(
      'zone',
      'note',
      `${who} answers for ${apex} from what it knew last: it has had no contact with the API server since ${zone.staleSince}`,
    );
  }
  return step('zone', 'fine', `${who} answers for ${apex}`);
}

const nameStep = (name: ZoneName): Step =>
  name.kind === 'other'
    ? step('name', 'cause', 'Names of this form do not exist: see docs/reference/names.md')
    : step('name', 'fine', nameText(name));

function nameText(name: Exclude<ZoneName, { kind: 'other' }>): string {
  switch (name.kind) {
    case 'apex':
      return "It is the zone's own name";
    case 'dns-version':
      return 'It holds the version of the schema';
    case 'dns':
    case 'svc':
      return 'It exists only because names below it do';
    case 'name-server':
      return "It is the name server's own name";
    case 'namespace':
      return `It is namespace ${name.namespace}`;
    case 'service':
      return `It is service ${name.service} in namespace ${name.namespace}`;
    case 'cluster':
      return `It is cluster ${name.cluster}'s part of service ${name.service} in namespace ${name.namespace}`;
    case 'endpoint':
      return `It is endpoint ${name.endpoint} of cluster ${name.cluster}, service ${name.service} in namespace ${name.namespace}`;
    case 'protocol':
      return `It exists only because ports of ${name.protocol} are named below it`;
    case 'port': {
      const of = name.cluster === undefined ? '' : `cluster ${name.cluster}'s part of `;
      return `It is port ${name.port}/${name.protocol} of ${of}service ${name.service} in namespace ${name.namespace}`;
    }
    default:
      return name satisfies never;
  }
}

function namespaceStep({ namespace }: ServiceName, { here }: Background, { view }: Exporters): Step {
  if (here.hasNamespace) return step('namespace', 'fine', `Namespace ${namespace} exists in ${here.cluster}`);
  return step(
    'namespace',
    view === undefined ? 'note' : 'cause',
    `Namespace ${namespace} does not exist in ${here.cluster}: nothing of it is imported there`,
  );
}

function exportsStep(
  service: ServiceName,
  { broker, here }: Background,
  { all, view, conflicts }: Exporters,
): Step {
  const counted = all.filter(({ hindrance }) => hindrance === undefined);
  const others = all.flatMap(({ cluster, hindrance }) =>
    hindrance === undefined ? [] : [`not by ${cluster}: ${hindrance.text}`],
  );
  const heartbeats = [...(broker?.heartbeats ?? [])];
  const silent = heartbeats.flatMap(([cluster, { renewed, isSilent }]) =>
    isSilent && (cluster === here.cluster || counted.some((each) => each.cluster === cluster))
      ? [`${cluster} is silent since ${renewed}: what is known of it may be old`]
      : [],
  );
  const by = counted
    .map(({ cluster, exported }) => (exported === undefined ? cluster : `${cluster} (${exported})`))
    .join(', ');
  const heading =
    counted.length === 0
      ? `${keyText(service)} is exported to ${here.cluster} by no cluster`
      : `Exported by ${by}`;
  const state =
    view === undefined ? 'cause' : others.length + silent.length + conflicts.length > 0 ? 'note' : 'fine';
  return step(
    'exports',
    state,
    [heading, ...others, ...conflicts.map(conflictText), ...silent].join('; '),
    all.flatMap(({ objects }) => objects),
  );
}

function importStep(
  { isImported: isInZone, world }: Finding,
  service: ServiceName,
  { here }: Background,
  { view }: Exporters,
): Step {
  const { serviceImport, cluster } = here;
  const key = keyText(service);
  const rejected = world.zone.rejected.get(`ServiceImport ${key}`);
  if (serviceImport === undefined) {
    const state = isInZone || view === undefined ? 'note' : 'cause';
    return step('import', state, `${cluster} has no ServiceImport ${key}`);
  }
  const { creationTimestamp: created } = serviceImport.metadata;
  const { namespace, name } = serviceImport.metadata;
  const reference: ObjectReference = {
    in: cluster,
    kind: 'ServiceImport',
    ...(namespace !== undefined && { namespace }),
    name,
    ...(created !== undefined && { created }),
  };
  if (rejected !== undefined) {
    return step('import', 'cause', `The ServiceImport ${key} cannot be used: ${rejected}`, [reference]);
  }
  if (!isImported(serviceImport)) {
    return step(
      'import',
      'note',
      `The ServiceImport ${key} was made by somebody else: Pharos leaves it alone, and adds nothing to it`,
      [reference],
    );
  }
  const from = (serviceImport.status?.clusters ?? []).map((each) => each.cluster).join(', ');
  const { type } = serviceImport.spec;
  return step(
    'import',
    'fine',
    `ServiceImport ${key} is of type ${type} and merges ${from || 'no cluster'}`,
    [reference],
  );
}

function clustersStep(candidates: readonly Candidate[]): Step {
  const counted = candidates.filter(({ counts }) => counts).map(({ cluster }) => cluster);
  const others = candidates
    .filter(({ counts, reason }) => !counts && reason !== 'counted')
    .map(({ cluster, text }) => `not ${cluster}: ${text}`);
  const heading =
    counted.length === 0
      ? 'No cluster counts'
      : `${counted.join(', ')} ${counted.length === 1 ? 'counts' : 'count'}`;
  const state = counted.length === 0 ? 'cause' : others.length > 0 ? 'note' : 'fine';
  return step('clusters', state, [heading, ...others].join('; '));
}

function choiceStep({ policy, affinity, families }: Choice): Step {
  const turns = Object.entries(families).map(
    ([family, { among, chosen, period }]) =>
      `${family}: ${chosen.join(', ')} of ${among.join(', ')}${period > 1 ? `, one of ${period} turns` : ''}`,
  );
  const by = affinity ? `policy ${policy}, and each client stays with its cluster` : `policy ${policy}`;
  return step('choice', 'fine', `Chosen by ${by}: ${turns.join('; ') || 'there is none to choose'}`);
}

function answerStep({ answer }: Finding): Step {
  const { rcode, ttl } = sentAnswer(answer);
  const kept = ttl === undefined ? '' : `, to be kept for ${ttl} s at most`;
  const count = answer.kind === 'records' ? answer.answer.length : 0;
  const records = count === 0 ? 'no record' : count === 1 ? 'one record' : `${count} records`;
  const state = answer.kind === 'records' ? 'fine' : 'note';
  return step('answer', state, `${rcode}, ${records}${kept}: ${answer.detail}`);
}

function cachesStep({ answer }: Finding, caches: readonly Cache[]): Step[] {
  if (caches.length === 0) return [];
  const astray = caches.filter(({ keepsSeconds }) => keepsSeconds === undefined);
  if (astray.length > 0) return [step('caches', 'cause', astray.map(({ text }) => text).join('; '))];
  const { ttl = 0 } = sentAnswer(answer);
  return [
    step(
      'caches',
      'fine',
      `What a client has is ${ttl} s old at most: each cache on the way counts the time to live down`,
    ),
  ];
}
