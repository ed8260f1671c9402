import { isDnsLabel } from '../api/identity.ts';
import { Annotation } from '../api/names.ts';
import type { ServiceImportType } from '../api/objects.ts';
import { addressesByFamily, type ByFamily } from './family.ts';
import { namedPorts, type NamedPort } from './ports.ts';
import { entry, fields, items, parseJson, text } from './unchecked.ts';

/** How one of several exporting clusters is chosen: the annotation `pharos.io/policy`. */
export type Policy = 'local' | 'weighted' | 'all';

const isPolicy = (value: string | undefined): value is Policy =>
  value === 'local' || value === 'weighted' || value === 'all';

/** What the zone takes from a ServiceImport: validated, normalised, nothing else. */
export interface ImportModel {
  readonly namespace: string;
  readonly name: string;
  readonly type: ServiceImportType;
  readonly ports: readonly NamedPort[];
  /** The clusterset IPs; empty in direct mode. */
  readonly ips: ByFamily<readonly string[]>;
  readonly policy: Policy | undefined;
  readonly clientAffinity: boolean;
  readonly publishNotReady: boolean;
  /** The merged exporting clusters by `pharos.io/exports`; undefined where another implementation wrote it. */
  readonly exports: ReadonlyMap<string, ExportModel> | undefined;
  /** `status.clusters`: all that is known of the exporters where `exports` is not. */
  readonly listedClusters: readonly string[];
}

export interface ExportModel {
  readonly addresses: ByFamily<readonly string[]>;
  /** 0 to {@link MAX_WEIGHT}; 0 = drained, never chosen. */
  readonly weight: number;
}

/** Greater weights count as this one: it bounds the length of a weighted sequence. */
const MAX_WEIGHT = 1000;

/** Reads a ServiceImport; answers why not, in words, where it cannot be used. */
export function parseImport(object: unknown): ImportModel | { readonly rejected: string } {
  const { metadata, spec, status } = fields(object);
  const { namespace: rawNamespace, name: rawName, annotations } = fields(metadata);
  const [namespace, name] = [text(rawNamespace), text(rawName)];
  if (!isDnsLabel(namespace)) return { rejected: 'metadata.namespace is not a DNS label' };
  if (!isDnsLabel(name)) return { rejected: 'metadata.name is not a DNS label' };
  const { type, ports, ips, sessionAffinity } = fields(spec);
  if (type !== 'ClusterSetIP' && type !== 'Headless') {
    return { rejected: 'spec.type is neither ClusterSetIP nor Headless' };
  }
  const policy = entry(annotations, Annotation.policy);
  return {
    namespace,
    name,
    type,
    ports: namedPorts(ports),
    ips: addressesByFamily(items(ips)),
    policy: isPolicy(policy) ? policy : undefined,
    clientAffinity: sessionAffinity === 'ClientIP',
    publishNotReady: entry(annotations, Annotation.publishNotReady) === 'true',
    exports: parseExports(entry(annotations, Annotation.exports)),
    listedClusters: items(fields(status)['clusters'])
      .map((item) => text(fields(item)['cluster']))
      .filter(isDnsLabel),
  };
}

function parseExports(json: string | undefined): ReadonlyMap<string, ExportModel> | undefined {
  const list = json === undefined ? undefined : parseJson(json);
  if (!Array.isArray(list)) return undefined;
  const exports = new Map<string, ExportModel>();
  for (const item of list) {
    const { cluster: rawCluster, ips, weight } = fields(item);
    const cluster = text(rawCluster);
    if (!isDnsLabel(cluster) || exports.has(cluster)) continue;
    exports.set(cluster, { addresses: addressesByFamily(items(ips)), weight: parseWeight(weight) });
  }
  return exports;
}

const parseWeight = (weight: unknown): number =>
  typeof weight === 'number' && Number.isInteger(weight) && weight >= 0 ? Math.min(weight, MAX_WEIGHT) : 1;
