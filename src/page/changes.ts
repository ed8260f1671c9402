/** What differs from one model to the next, for browsers and in words. Pure. */
import { isUp } from '../api/tunnel.ts';
import { type Tunnel, tunnelsOf } from './connections.ts';
import { differences, newOnes } from './differences.ts';
import type { ExporterModel, LogEntry, ModelChange, PageModel, ServiceModel, Tone } from './model.ts';

export type Told = Pick<LogEntry, 'tone' | 'text' | 'service'>;

/** What a browser that has `before` needs to have `after`; undefined where that is nothing. */
export function changeBetween(before: PageModel, after: PageModel): Omit<ModelChange, 'log'> | undefined {
  const { services: servicesBefore, ...headBefore } = before;
  const { services: servicesAfter, ...head } = after;
  const isSameHead = JSON.stringify(headBefore) === JSON.stringify(head);
  const changed = differences(servicesBefore, servicesAfter, ({ key }) => key);
  const services = changed.flatMap(([, , is]) => is ?? []);
  const gone = changed.flatMap(([key, , is]) => (is === undefined ? [key] : []));
  if (isSameHead && services.length === 0 && gone.length === 0) return undefined;
  return { ...(!isSameHead && { head }), services, gone };
}

/** What there is to tell, clusters first. */
export function tellBetween(before: PageModel, after: PageModel): Told[] {
  return [
    ...clustersTold(before, after),
    ...tunnelsTold(before, after),
    ...servicesTold(before, after),
    ...newOnes(before.problems, after.problems).map((text): Told => ({ tone: 'bad', text })),
    ...newOnes(after.problems, before.problems).map((text): Told => ({
      tone: 'good',
      text: `mended: ${text}`,
    })),
  ];
}

const STATE_TONES: Readonly<Record<PageModel['clusters'][number]['state'], Tone>> = {
  heard: 'good',
  drained: 'warn',
  unknown: 'plain',
  silent: 'bad',
  disconnected: 'bad',
};

function clustersTold(before: PageModel, after: PageModel): Told[] {
  return differences(before.clusters, after.clusters, ({ id }) => id).flatMap(([id, was, is]): Told[] => {
    if (is === undefined) return [{ tone: 'warn', text: `cluster ${id} left` }];
    if (was === undefined) return [{ tone: 'good', text: `cluster ${id} joined` }];
    if (was.state === is.state) return [];
    const text =
      is.state === 'heard' ? `cluster ${id} is back` : `cluster ${id} is ${is.state}: ${is.reason}`;
    return [{ tone: STATE_TONES[is.state], text }];
  });
}

function tunnelsTold(before: PageModel, after: PageModel): Told[] {
  const nameOf = ({ between }: Tunnel): string => between.join(' and ');
  const [was, is] = [tunnelsOf(before.connections), tunnelsOf(after.connections)];
  return differences(was, is, nameOf).flatMap(([name, was, is]): Told[] => {
    if (was?.best.state === is?.best.state) return [];
    if (is === undefined) return [{ tone: 'warn', text: `there is no tunnel between ${name} any more` }];
    const { state, reason } = is.best;
    const text = `the tunnel between ${name} is ${state}${reason === undefined ? '' : `: ${reason}`}`;
    return [{ tone: state === 'connected' ? 'good' : isUp(is.best) ? 'warn' : 'bad', text }];
  });
}

function servicesTold(before: PageModel, after: PageModel): Told[] {
  return differences(before.services, after.services, ({ key }) => key).flatMap(([key, was, is]) =>
    serviceTold(key, was, is).map((told) => ({ ...told, service: key })),
  );
}

function serviceTold(key: string, was: ServiceModel | undefined, is: ServiceModel | undefined): Told[] {
  if (is === undefined) return [{ tone: 'warn', text: `${key} is not exported any more` }];
  const told: Told[] = [];
  const exporters = differences(was?.exporters ?? [], is.exporters, ({ cluster }) => cluster);
  for (const [cluster, before, after] of exporters) told.push(...exporterTold(key, cluster, before, after));
  for (const text of newOnes(was?.conflicts ?? [], is.conflicts)) {
    told.push({ tone: 'warn', text: `${key} has a conflict over ${text}` });
  }
  const subjects = new Set(is.conflicts.map(subjectOf));
  for (const conflict of was?.conflicts ?? []) {
    if (subjects.has(subjectOf(conflict))) continue;
    told.push({ tone: 'good', text: `${key} has no conflict over ${subjectOf(conflict)} any more` });
  }
  for (const text of newOnes(was?.problems ?? [], is.problems))
    told.push({ tone: 'bad', text: `${key}: ${text}` });
  return told;
}

const HEALTH_WORDS: Readonly<Record<ExporterModel['health'], string>> = {
  answers: 'is in answers',
  'not-ready': 'has no ready endpoint',
  'no-weight': 'has weight 0',
  drained: 'is drained',
  unreachable: 'cannot be reached',
};

function exporterTold(
  key: string,
  cluster: string,
  was: ExporterModel | undefined,
  is: ExporterModel | undefined,
): Told[] {
  if (is === undefined) return [{ tone: 'warn', text: `${cluster} does not export ${key} any more` }];
  if (was === undefined) {
    const but = is.health === 'answers' ? '' : `, but ${HEALTH_WORDS[is.health]}`;
    return [{ tone: is.health === 'answers' ? 'good' : 'warn', text: `${cluster} exports ${key}${but}` }];
  }
  if (was.health !== is.health) {
    const why = is.reason === undefined ? '' : `: ${is.reason}`;
    const text = `${key} in ${cluster} ${HEALTH_WORDS[is.health]}${is.health === 'answers' ? ' again' : why}`;
    return [{ tone: is.health === 'answers' ? 'good' : 'bad', text }];
  }
  if (was.ready !== is.ready || was.total !== is.total) {
    const text = `${key} in ${cluster}: ${is.ready} of ${is.total} endpoints ready, before ${was.ready} of ${was.total}`;
    return [{ tone: 'plain', text }];
  }
  return was.weight === is.weight
    ? []
    : [{ tone: 'plain', text: `${key} in ${cluster} has weight ${is.weight}, before ${was.weight}` }];
}

/** `port http` of a conflict, whoever is on its sides. */
const subjectOf = (conflict: string): string => conflict.split(':', 1)[0] ?? '';

/** The model after a change: what a browser does with what it is told. */
export function withChange(model: PageModel, { head, services, gone }: Omit<ModelChange, 'log'>): PageModel {
  const all = new Map(model.services.map((service) => [service.key, service]));
  for (const key of gone) all.delete(key);
  const isNew = services.some(({ key }) => !all.has(key));
  for (const service of services) all.set(service.key, service);
  const merged = [...all.values()];
  return {
    ...model,
    ...head,
    services: isNew ? merged.sort((a, b) => (a.key < b.key ? -1 : 1)) : merged,
  };
}
