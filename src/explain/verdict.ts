import { isImported as isOurs } from '../discovery/labels.ts';
import { ReasonCode } from '../zone/reasons.ts';
import type { Cause, CandidateReason } from './cause.ts';
import { keyText, whereOf, type Finding } from './finding.ts';

/** How many addresses a sentence names. */
const NAMED = 4;

/** What keeps a service from everybody here: the first of these that some cluster has. */
const NEARER_FIRST: readonly CandidateReason[] = [
  'filtered',
  'own-address',
  'expired',
  'not-for-this-cluster',
  'bad-record',
  'not-published',
  'export-invalid',
  'not-exported',
];

/** What keeps a cluster that is imported from answering. */
const WITHOUT_ANSWER: readonly CandidateReason[] = ['not-ready', 'own-address', 'unreachable', 'drained'];

/** The reason as far back as it can be followed. */
export function causeOf({ answer, name, service, world, isImported, exporters, candidates }: Finding): Cause {
  const { reason } = answer;
  if (answer.kind === 'records' || service === undefined) return reason;
  const { serviceImport } = world.background?.here ?? {};
  if (serviceImport !== undefined && !isOurs(serviceImport)) return 'foreign-import';
  const asked = name !== undefined && 'cluster' in name ? name.cluster : undefined;
  if (reason === ReasonCode.noReadyEndpoint || reason === ReasonCode.noReachableCluster) {
    const members = candidates.filter(({ cluster }) => asked === undefined || cluster === asked);
    const reasons = new Set(
      members.map((each) => each.reason).filter((each) => WITHOUT_ANSWER.includes(each)),
    );
    const [only] = reasons;
    return reasons.size === 1 && only !== undefined ? only : reason;
  }
  if (isImported) {
    const hindrance = candidates.find(({ cluster }) => cluster === asked)?.reason;
    return reason === ReasonCode.noSuchCluster && hindrance !== undefined && hindrance !== 'counted'
      ? hindrance
      : reason;
  }
  if (world.zone.rejected.has(`ServiceImport ${keyText(service)}`)) return 'bad-import';
  if (world.background === undefined || exporters === undefined) return reason;
  if (exporters.view !== undefined) {
    return world.background.here.hasNamespace ? 'not-imported' : 'namespace-missing-here';
  }
  return NEARER_FIRST.find((each) => candidates.some((candidate) => candidate.reason === each)) ?? reason;
}

export function verdictText(finding: Finding, cause: Cause): string {
  const { question, answer } = finding;
  const what = `${question.name} ${question.typeName}`;
  if (answer.kind !== 'records')
    return `${what} does not resolve${whereOf(finding)}: ${whyNot(finding, cause)}`;
  const values = answer.answer.map((record) =>
    'address' in record ? record.address : 'target' in record ? record.target : record.type,
  );
  const more = values.length > NAMED ? ` and ${values.length - NAMED} more` : '';
  return `${what} resolves${whereOf(finding)} to ${values.slice(0, NAMED).join(', ')}${more}: ${answer.detail}`;
}

function whyNot({ answer, service, world, exporters, candidates, nearest }: Finding, cause: Cause): string {
  if (service === undefined) return answer.detail;
  const here = world.cluster ?? 'this cluster';
  const key = keyText(service);
  if (cause === 'namespace-missing-here') {
    const from = (exporters?.view?.merged ?? []).map(({ cluster }) => cluster).join(', ');
    return `namespace ${service.namespace} does not exist in ${here}, so ${key}, which ${from} exports, is not imported there`;
  }
  if (cause === 'foreign-import') {
    return `the ServiceImport ${key} in ${here} was made by somebody else, and Pharos leaves it alone: ${answer.detail}`;
  }
  if (cause === 'bad-import') {
    return `the ServiceImport ${key} in ${here} cannot be used: ${world.zone.rejected.get(`ServiceImport ${key}`) ?? ''}`;
  }
  if (cause === ReasonCode.noSuchService || cause === ReasonCode.noSuchNamespace) {
    const nobody =
      world.background?.broker === undefined
        ? answer.detail
        : `no cluster exports a service ${key} to ${here}`;
    return nearest.length === 0 ? nobody : `${nobody}; there is ${nearest.join(', ')}`;
  }
  const those = candidates.filter(({ reason }) => reason === cause);
  return those.length === 0
    ? answer.detail
    : those.map(({ cluster, text }) => `${cluster}: ${text}`).join('; ');
}
