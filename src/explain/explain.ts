import { originOf, parseZoneName, type ZoneName } from '../zone/name.ts';
import { ReasonCode } from '../zone/reasons.ts';
import type { Answer, Asker } from '../zone/records.ts';
import type { ServiceView } from '../zone/service.ts';
import { candidatesOf, choiceOf, type AskedPart } from './candidates.ts';
import {
  EXPLANATION,
  type Candidate,
  type Change,
  type Choice,
  type Explanation,
  type Step,
} from './explanation.ts';
import { nearestServices } from './nearest-names.ts';
import type { TypedQuestion } from './question.ts';
import { sentAnswer } from './sent.ts';
import type { World } from './world.ts';

/** How many addresses a sentence names. */
const NAMED = 4;

/**
 * Why a question is answered as it is, from the zone's own values. Pure.
 *
 * @param client the asker's address, where it counts
 */
export function explain(question: TypedQuestion, world: World, client?: string): Explanation {
  const { zone, cluster } = world;
  const asker: Asker = { turn: 0, ...(client !== undefined && { client }) };
  const answer = zone.answer(question, asker);
  const origin = originOf(question.labels, zone.origins);
  const name = origin && parseZoneName(question.labels.slice(0, -origin.labels.length));
  const service =
    name && 'service' in name && name.kind !== 'other'
      ? zone.service(name.namespace, name.service)
      : undefined;
  const part = name && service && partOf(name, service, question.type, asker);
  const candidates = part === undefined ? [] : candidatesOf(part, world);
  const choice = part && choiceOf(part);
  const nearest =
    name === undefined || answer.kind !== 'nxdomain'
      ? []
      : nearestServices(name, zone).map((near) => `${near}.${origin?.name ?? ''}`);
  const steps = [
    zoneStep(question, answer, world),
    ...(name === undefined ? [] : [nameStep(name)]),
    ...(candidates.length === 0 ? [] : [clustersStep(candidates)]),
    ...(choice === undefined ? [] : [choiceStep(choice)]),
    answerStep(answer),
  ];
  return {
    ...EXPLANATION,
    at: new Date(world.now).toISOString(),
    question: {
      name: question.name,
      ...(question.typed !== undefined && { typed: question.typed }),
      type: question.typeName,
      ...(cluster !== undefined && { cluster }),
      ...(client !== undefined && { client }),
    },
    verdict: {
      answer: answer.kind,
      reason: answer.reason,
      cause: answer.reason,
      text: verdictText(question, answer, cluster),
    },
    steps,
    candidates,
    ...(choice !== undefined && { choice }),
    answer: sentAnswer(answer),
    caches: [],
    changes: changesFor(answer, candidates, nearest),
    nearest,
    unknown: world.unknown,
  };
}

function partOf(name: ZoneName, service: ServiceView, type: number, asker: Asker): AskedPart {
  const cluster = 'cluster' in name ? name.cluster : undefined;
  return { service, cluster, type, asker };
}

function verdictText({ name, typeName }: TypedQuestion, answer: Answer, cluster: string | undefined): string {
  const where = cluster === undefined ? '' : ` in ${cluster}`;
  if (answer.kind !== 'records') return `${name} ${typeName} does not resolve${where}: ${answer.detail}`;
  const values = answer.answer.map((record) =>
    'address' in record ? record.address : 'target' in record ? record.target : record.type,
  );
  const more = values.length > NAMED ? ` and ${values.length - NAMED} more` : '';
  return `${name} ${typeName} resolves${where} to ${values.slice(0, NAMED).join(', ')}${more}: ${answer.detail}`;
}

const step = (id: Step['id'], state: Step['state'], text: string): Step => ({ id, state, text, objects: [] });

function zoneStep(question: TypedQuestion, answer: Answer, { zone, cluster }: World): Step {
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

function nameStep(name: ZoneName): Step {
  return name.kind === 'other'
    ? step('name', 'cause', 'Names of this form do not exist: see docs/reference/names.md')
    : step('name', 'fine', nameText(name));
}

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

function clustersStep(candidates: readonly Candidate[]): Step {
  const counted = candidates.filter(({ counts }) => counts).map(({ cluster }) => cluster);
  const others = candidates
    .filter(({ counts }) => !counts)
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

function answerStep(answer: Answer): Step {
  const { rcode, ttl } = sentAnswer(answer);
  const kept = ttl === undefined ? '' : `, to be kept for ${ttl} s at most`;
  const count = answer.kind === 'records' ? `${answer.answer.length} records` : 'no record';
  return step(
    'answer',
    answer.kind === 'records' ? 'fine' : 'note',
    `${rcode}, ${count}${kept}: ${answer.detail}`,
  );
}

function changesFor(answer: Answer, candidates: readonly Candidate[], nearest: readonly string[]): Change[] {
  const changes: Change[] = nearest.map((name) => ({ text: `Ask ${name} if that is what was meant` }));
  if (answer.reason === ReasonCode.notSynced) {
    changes.push({
      text: 'Wait for the first full list from the API server; the log of pharos dns says what is in the way',
    });
  }
  for (const { cluster, reason, weight } of candidates) {
    if (reason === 'not-ready') {
      changes.push({ text: `A ready endpoint of the Service in ${cluster}`, in: cluster });
    } else if (reason === 'unreachable') {
      changes.push({ text: `A connection to ${cluster}` });
    } else if (reason === 'drained' && weight === 0) {
      changes.push({ text: `A weight above 0 on the ServiceExport in ${cluster}`, in: cluster });
    } else if (reason === 'drained') {
      changes.push({ text: `The end of the drain of ${cluster}`, command: `pharos undrain ${cluster}` });
    }
  }
  return changes;
}
