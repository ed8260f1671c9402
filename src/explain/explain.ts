import { originOf, parseZoneName, type ZoneName } from '../zone/name.ts';
import type { Asker } from '../zone/records.ts';
import type { ServiceView } from '../zone/service.ts';
import { cachesOnTheWay } from './caches.ts';
import { candidatesOf, choiceOf, withExporters, type AskedPart } from './candidates.ts';
import { changesFor } from './changes.ts';
import { EXPLANATION, type Explanation } from './explanation.ts';
import { exportersOf } from './exporters.ts';
import type { Finding } from './finding.ts';
import { nearestServices } from './nearest-names.ts';
import { serviceIn, type TypedQuestion } from './question.ts';
import { sentAnswer } from './sent.ts';
import { stepsOf } from './steps.ts';
import { causeOf, verdictText } from './verdict.ts';
import type { World } from './world.ts';

/**
 * Why a question is answered as it is, from the values that the zone and the agent decide by. Pure.
 *
 * @param world whose `background`, if there is one, is of the service that is asked for
 * @param client the asker's address, where it counts
 */
export function explain(question: TypedQuestion, world: World, client?: string): Explanation {
  const { zone, cluster, background } = world;
  const asker: Asker = { turn: 0, ...(client !== undefined && { client }) };
  const answer = zone.answer(question, asker);
  const origin = originOf(question.labels, zone.origins);
  const name = origin && parseZoneName(question.labels.slice(0, -origin.labels.length));
  const service = name && serviceIn(name);
  const view = service && zone.service(service.namespace, service.service);
  const part = view && partOf(name, view, question.type, asker);
  const exporters = service && background && exportersOf(background, world.now);
  const inZone = part === undefined ? [] : candidatesOf(part, world);
  const choice = part && choiceOf(part);
  const near = answer.kind === 'nxdomain' && name !== undefined ? nearestServices(name, zone) : [];
  const finding: Finding = {
    question,
    world,
    answer,
    origin,
    name,
    service,
    isImported: view !== undefined,
    exporters,
    candidates: withExporters(inZone, exporters, world),
    choice,
    nearest: near.map((each) => `${each}.${origin?.name ?? ''}`),
  };
  const cause = causeOf(finding);
  const sent = sentAnswer(answer);
  const caches =
    origin === undefined || world.way === undefined ? [] : cachesOnTheWay(world.way, origin.name, sent.ttl);
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
    verdict: { answer: answer.kind, reason: answer.reason, cause, text: verdictText(finding, cause) },
    steps: stepsOf(finding, caches),
    candidates: finding.candidates,
    ...(choice !== undefined && { choice }),
    answer: sent,
    caches,
    changes: changesFor(finding, cause),
    nearest: finding.nearest,
    unknown: world.unknown,
  };
}

function partOf(name: ZoneName, service: ServiceView, type: number, asker: Asker): AskedPart {
  const cluster = 'cluster' in name ? name.cluster : undefined;
  return { service, cluster, type, asker };
}
