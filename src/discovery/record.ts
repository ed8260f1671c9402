/** A record on the broker as seen by the other members: somebody else's text until it has passed here. */
import { isDnsLabel } from '../api/identity.ts';
import { Annotation } from '../api/names.ts';
import type {
  IpFamily,
  ServiceImport,
  ServiceImportType,
  ServicePort,
  SessionAffinity,
  SessionAffinityConfig,
} from '../api/objects.ts';
import { validateServiceImport } from '../api/validate.ts';
import { type Usable, usableAnnotations, usableLabels } from './exported-metadata.ts';
import { ownerOf } from './labels.ts';
import { NO_ADDRESSES, type OwnAddresses } from './own-addresses.ts';
import { type RecordOwner, recordName } from './record-name.ts';
import { isRoutable } from './routable.ts';
import { type ExportSettings, readSettings } from './settings.ts';

/** One cluster's export of one service. */
export interface ExportRecord extends RecordOwner, ExportSettings {
  /** Milliseconds since 1970; the oldest export wins conflicts. A record that does not tell counts as the youngest. */
  readonly created: number;
  readonly type: ServiceImportType;
  readonly ports: readonly ServicePort[];
  /** The cluster's own Service IPs. */
  readonly ips: readonly string[];
  readonly ipFamilies: readonly IpFamily[];
  readonly sessionAffinity: SessionAffinity;
  readonly sessionAffinityConfig?: SessionAffinityConfig;
  readonly internalTrafficPolicy?: string;
  readonly trafficDistribution?: string;
  readonly exportedLabels: Readonly<Record<string, string>>;
  readonly exportedAnnotations: Readonly<Record<string, string>>;
}

export interface Rejected {
  /** Why, in words. */
  readonly rejected: string;
  readonly refusal?: 'own-address';
}

/** More than any Service has; a bound on what one record makes every member do and store. */
const MAX_PORTS = 1000;
const MAX_TEXT = 253;

/**
 * The record, or why it cannot be used. Never throws.
 *
 * @param own addresses that no other cluster can have
 */
export function parseRecord(
  object: ServiceImport,
  own: OwnAddresses = NO_ADDRESSES,
): ExportRecord | Rejected {
  const owner = ownerOf(object);
  if (owner === undefined) return { rejected: 'its labels do not say whose record it is' };
  for (const [what, label] of Object.entries(owner)) {
    if (!isDnsLabel(label)) return { rejected: `its ${what} label is "${label}", must be a DNS label` };
  }
  if (object.metadata.name !== recordName(owner)) {
    return { rejected: `its labels ask for the name ${recordName(owner)}` };
  }
  const validation = validateServiceImport(object);
  if (!validation.ok) return { rejected: validation.problems.join('; ') };
  const { metadata, spec } = validation.object;
  const excess = excessOf(spec);
  if (excess !== undefined) return { rejected: excess };
  const astray = spec.ips?.find((address) => own.has(address));
  if (astray !== undefined) {
    return { rejected: `spec.ips: ${own.whyOurs([astray])}`, refusal: 'own-address' };
  }
  const annotations = metadata.annotations ?? {};
  return {
    ...owner,
    ...readSettings(object).settings,
    ...spec,
    ips: spec.ips ?? [],
    ipFamilies: spec.ipFamilies ?? [],
    sessionAffinity: spec.sessionAffinity ?? 'None',
    created: timeOf(annotations[Annotation.exportCreated]),
    exportedLabels: parseMap(annotations[Annotation.exportedLabels], usableLabels),
    exportedAnnotations: parseMap(annotations[Annotation.exportedAnnotations], usableAnnotations),
  };
}

/** What is well-formed and yet nothing to import. */
function excessOf({
  ports,
  ips = [],
  internalTrafficPolicy,
  trafficDistribution,
}: ServiceImport['spec']): string | undefined {
  if (ports.length > MAX_PORTS) {
    return `spec.ports has ${ports.length} entries, must have at most ${MAX_PORTS}`;
  }
  const texts = {
    ...Object.fromEntries(ports.map(({ appProtocol }, at) => [`ports[${at}].appProtocol`, appProtocol])),
    internalTrafficPolicy,
    trafficDistribution,
  };
  for (const [field, text = ''] of Object.entries(texts)) {
    if (text.length > MAX_TEXT) {
      return `spec.${field} has ${text.length} characters, must have at most ${MAX_TEXT}`;
    }
  }
  const local = ips.find((address) => !isRoutable(address));
  return local === undefined ? undefined : `spec.ips: no other cluster can send to ${local}`;
}

function timeOf(text = ''): number {
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time;
}

/** What the exporter left out of the map, or should have, is missing without a word: it was told itself. */
function parseMap(
  text: string | undefined,
  usable: (map: Readonly<Record<string, string>>) => Usable,
): Usable['kept'] {
  if (text === undefined) return {};
  try {
    const map: unknown = JSON.parse(text);
    return isTextMap(map) ? usable(map).kept : {};
  } catch {
    return {};
  }
}

const isTextMap = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((entry) => typeof entry === 'string');
