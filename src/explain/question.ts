import {
  formatDomainName,
  originOf,
  parseDomainName,
  parseZoneName,
  type Origin,
  type ZoneName,
} from '../zone/name.ts';
import { RRType, type Question } from '../zone/records.ts';
import { parseReverseName } from '../zone/reverse-name.ts';
import type { ServiceName } from './finding.ts';

/** A question as somebody typed it, and what is asked for by it. */
export interface TypedQuestion extends Question {
  /** With its final dot. */
  readonly name: string;
  /** What was typed, where that is not the name itself. */
  readonly typed?: string;
  readonly typeName: string;
}

/** Types that somebody may ask for by name and the zone never holds (IANA numbers). */
const OTHER_TYPES: Readonly<Record<string, number>> = { CNAME: 5, MX: 15, NAPTR: 35, SVCB: 64, HTTPS: 65 };
const TYPES: Readonly<Record<string, number>> = { ...RRType, ...OTHER_TYPES };

/**
 * The question that a person means. `web.shop`, `web.shop.svc`, `db-0.west.db.shop` and `_http._tcp.web.shop` are
 * names in the zone, as they are for a pod with the zone in its search path; whatever ends with a dot, lies in a zone
 * that is served, or says that it is a Service's name of another one, is taken as it is.
 *
 * @param type `A`, `aaaa`, `TYPE65`
 * @throws Error where it is no domain name or no type
 */
export function parseQuestion(text: string, type: string, origins: readonly Origin[]): TypedQuestion {
  const typed = parseDomainName(text.trim());
  const labels = completed(typed, text.trim(), origins);
  const name = formatDomainName(labels);
  return {
    labels,
    name,
    ...(labels.length !== typed.length && { typed: text.trim() }),
    ...parseType(type),
  };
}

function completed(labels: readonly string[], text: string, origins: readonly Origin[]): readonly string[] {
  const [origin] = origins;
  if (origin === undefined || text.endsWith('.')) return labels;
  if (originOf(labels, origins) !== undefined || parseReverseName(labels) !== undefined) return labels;
  if (labels.at(-1) === 'svc') return [...labels, ...origin.labels];
  if (labels.length < 2 || labels.includes('svc')) return labels;
  return [...labels, 'svc', ...origin.labels];
}

function parseType(text: string): { readonly type: number; readonly typeName: string } {
  const upper = text.toUpperCase();
  const number = /^TYPE([0-9]{1,5})$/.exec(upper)?.[1]; // RFC 3597, 5
  const type = number === undefined ? TYPES[upper] : Number(number);
  if (type === undefined || type > 0xff_ff) {
    throw new Error(
      `"${text}" is not a record type: use one of ${Object.keys(TYPES).join(', ')}, or TYPE and its number`,
    );
  }
  const known = Object.entries(TYPES).find(([, number]) => number === type)?.[0];
  return { type, typeName: known ?? `TYPE${type}` };
}

/** The service that a name is in, whether it exists or not. */
export function serviceIn(name: ZoneName): ServiceName | undefined {
  if (name.kind === 'other' || !('service' in name)) return undefined;
  return { namespace: name.namespace, service: name.service };
}

/** The service that is asked for; undefined where the name is in none. */
export function serviceAskedFor({ labels }: Question, origins: readonly Origin[]): ServiceName | undefined {
  const origin = originOf(labels, origins);
  return origin && serviceIn(parseZoneName(labels.slice(0, -origin.labels.length)));
}
