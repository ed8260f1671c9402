/**
 * What a zone holds, for those who get all of it at once. An RRset here has every record that this server may give
 * now, whoever asks and whenever: secondaries can only rotate, not choose.
 */
import { reverseAddresses } from './answer-reverse.ts';
import { reverseLabelsOf } from './reverse-name.ts';
import { nameServerOf } from './soa.ts';
import { RRType, type AnswerSource, type ResourceRecord } from './records.ts';
import type { ServiceView } from './service.ts';

/** The types that services' names have. */
const SERVICE_TYPES = [RRType.A, RRType.AAAA, RRType.SRV];

/**
 * @param origin the zone's labels
 */
export function recordsOfService(
  source: Pick<AnswerSource, 'answer'>,
  origin: readonly string[],
  service: ServiceView,
): readonly ResourceRecord[] {
  const base = [service.name, service.namespace, 'svc', ...origin];
  return namesOf(service).flatMap((labels) => recordsAt(source, [...labels, ...base], SERVICE_TYPES));
}

/**
 * What a reverse zone has of a service. Others may have the same address, each with a name of its own.
 *
 * @param zone the reverse zone's labels
 * @param origin that names of services are under, with the dot at its end
 */
export function reverseRecordsOfService(
  source: Pick<AnswerSource, 'answer'>,
  zone: readonly string[],
  origin: string,
  service: ServiceView,
): readonly ResourceRecord[] {
  const own = `.${service.name}.${service.namespace}.svc.${origin}`;
  return [...new Set(reverseAddresses(service))]
    .map(reverseLabelsOf)
    .filter((labels) => zone.every((label, index) => labels.at(index - zone.length) === label))
    .flatMap((labels) => recordsAt(source, labels, [RRType.PTR]))
    .filter((record) => record.type === 'PTR' && `.${record.target}`.endsWith(own));
}

/** What the zone has whatever is exported, all but its SOA. */
export function recordsOfApex(
  source: Pick<AnswerSource, 'answer'>,
  origin: readonly string[],
): readonly ResourceRecord[] {
  const nameServer = nameServerOf(origin.join('.')).split('.');
  return [
    ...recordsAt(source, origin, [RRType.NS]),
    ...recordsAt(source, nameServer, [RRType.A, RRType.AAAA]),
    ...recordsAt(source, ['dns-version', ...origin], [RRType.TXT]),
  ];
}

function recordsAt(
  source: Pick<AnswerSource, 'answer'>,
  labels: readonly string[],
  types: readonly number[],
): readonly ResourceRecord[] {
  return types.flatMap((type) => {
    const answer = source.answer({ labels, type }, { turn: 0, whole: true });
    return answer.kind === 'records' ? answer.answer : [];
  });
}

/** The labels before a service's own that may have records; that some have none does no harm. */
function namesOf(service: ServiceView): readonly (readonly string[])[] {
  const ports =
    service.type === 'ClusterSetIP'
      ? service.ports
      : service.members.flatMap(({ endpoints }) => endpoints.flatMap((endpoint) => endpoint.ports));
  const attributes = new Set(ports.map(({ name, protocol }) => `_${name}._${protocol}`));
  const own = [[], ...[...attributes].map((pair) => pair.split('.'))];
  return [
    ...own,
    ...service.members.flatMap((member) => [
      ...own.map((labels) => [...labels, member.id]),
      ...('endpoints' in member ? endpointNames(member.endpoints).map((label) => [label, member.id]) : []),
    ]),
  ];
}

/** An endpoint answers to its hostname or dashed address, and to its pod's name. */
const endpointNames = (
  endpoints: readonly { readonly label: string; readonly pod: string | undefined }[],
): readonly string[] => [
  ...new Set(endpoints.flatMap(({ label, pod }) => (pod === undefined ? [label] : [label, pod]))),
];
