/** A record on the broker as seen by the other members: somebody else's text until it has passed here. */
import { z } from 'zod';
import { isDnsLabel } from '../api/identity.ts';
import { ipFamily } from '../api/ip.ts';
import { Annotation } from '../api/names.ts';
import type {
  IpFamily,
  ServiceImport,
  ServiceImportType,
  ServicePort,
  SessionAffinity,
  SessionAffinityConfig,
} from '../api/objects.ts';
import { ownerOf } from './labels.ts';
import { type RecordOwner, recordName } from './record-name.ts';
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

const portSchema = z.object({
  name: z.string().refine(isDnsLabel, 'must be a DNS label').optional(),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  appProtocol: z.string().max(253).optional(),
  port: z.int().min(1).max(65_535),
});

const familySchema = z.enum(['IPv4', 'IPv6']);

const specSchema = z.object({
  type: z.enum(['ClusterSetIP', 'Headless']),
  ports: z.array(portSchema).max(1000).default([]),
  ips: z
    .array(z.string().refine((text) => ipFamily(text) !== undefined, 'must be an IP address'))
    .max(2)
    .default([]),
  ipFamilies: z.array(familySchema).max(2).default([]),
  sessionAffinity: z.enum(['None', 'ClientIP']).default('None'),
  sessionAffinityConfig: z
    .object({ clientIP: z.object({ timeoutSeconds: z.int().min(1).max(86_400).optional() }).optional() })
    .optional(),
  internalTrafficPolicy: z.string().max(63).optional(),
  trafficDistribution: z.string().max(63).optional(),
});

const stringMap = z.record(z.string(), z.string());

/** The record, or in words why it cannot be used. Never throws. */
export function parseRecord(object: ServiceImport): ExportRecord | { readonly rejected: string } {
  const owner = ownerOf(object);
  if (owner === undefined) return { rejected: 'a label that says whose record it is is missing' };
  for (const [what, label] of Object.entries(owner)) {
    if (!isDnsLabel(label)) return { rejected: `its ${what} label is "${label}", must be a DNS label` };
  }
  if (object.metadata.name !== recordName(owner)) {
    return { rejected: `its labels ask for the name ${recordName(owner)}` };
  }
  const spec = specSchema.safeParse(object.spec);
  if (!spec.success) {
    const [issue] = spec.error.issues;
    return { rejected: `spec.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}` };
  }
  const annotations = object.metadata.annotations ?? {};
  const created = Date.parse(annotations[Annotation.exportCreated] ?? '');
  return {
    ...owner,
    ...readSettings(object).settings,
    ...withoutUndefined(spec.data),
    created: Number.isNaN(created) ? Number.POSITIVE_INFINITY : created,
    exportedLabels: parseMap(annotations[Annotation.exportedLabels]),
    exportedAnnotations: parseMap(annotations[Annotation.exportedAnnotations]),
  };
}

function parseMap(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  try {
    return stringMap.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}

/** zod leaves keys of absent optional fields in place as undefined; here absent means absent. */
const withoutUndefined = (spec: z.infer<typeof specSchema>): RecordSpec =>
  JSON.parse(JSON.stringify(spec)) as RecordSpec;

type RecordSpec = Omit<
  ExportRecord,
  keyof RecordOwner | keyof ExportSettings | 'created' | 'exportedLabels' | 'exportedAnnotations'
>;
