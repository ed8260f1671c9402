import type { IpFamily } from '../api/objects.ts';
import type { ReverseZone } from './reverse-name.ts';
import type { Origin } from './name.ts';
import { ReasonCode } from './reasons.ts';
import { RRType, type Asker, type ExtendedError, type ResourceRecord } from './records.ts';
import type { ServiceView } from './service.ts';

/** What is at a name for a type, before SOA, staleness and ANY make an answer of it. */
export type Found =
  | RecordsFound
  /** The name is owned, but has nothing of this type, or nothing now. */
  | Without<'no-records'>
  /** The name has no records of any type; names below it have. */
  | Without<'only-children'>
  | Without<'nothing'>;

export interface RecordsFound {
  readonly is: 'records';
  readonly reason: ReasonCode;
  readonly detail: string;
  readonly answer: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  readonly period: number;
  readonly perClient: boolean;
}

interface Without<Is extends string> {
  readonly is: Is;
  readonly reason: ReasonCode;
  readonly detail: string;
  readonly ede?: ExtendedError;
}

/** The zone as `answer()` sees it: what is known now, and the settings that answers depend on. */
export interface ZoneData {
  readonly origins: readonly Origin[];
  readonly reverseZones: readonly ReverseZone[];
  readonly synced: boolean;
  /** Since when nothing was heard from the API server, in words; undefined while the data is fresh. */
  readonly staleSince: string | undefined;
  readonly serial: number;
  /** Seconds. */
  readonly ttl: number;
  readonly strictNames: boolean;
  /** The addresses of the name server's own name. */
  readonly advertise: readonly string[];
  service(namespace: string, name: string): ServiceView | undefined;
  /** Whether any service is in this namespace. */
  hasNamespace(namespace: string): boolean;
  /** The services that own an address in reverse zones, in order of namespace and name. */
  ownersOf(address: string): readonly ServiceView[];
}

/** A question on its way through `answer()`. */
export interface Query {
  readonly zone: ZoneData;
  readonly origin: Origin;
  readonly type: number;
  readonly asker: Asker;
}

/** The address family that a question's type asks for. */
export function familyOf(type: number): IpFamily | undefined {
  if (type === RRType.A) return 'IPv4';
  return type === RRType.AAAA ? 'IPv6' : undefined;
}

export const addressRecords = (
  name: string,
  ttl: number,
  family: IpFamily,
  addresses: readonly string[],
): readonly ResourceRecord[] =>
  addresses.map((address) => ({ name, ttl, type: family === 'IPv4' ? 'A' : 'AAAA', address }));

/** Records that are the same for everyone, always. */
export const constant = (
  reason: ReasonCode,
  detail: string,
  answer: readonly ResourceRecord[],
  additional: readonly ResourceRecord[] = [],
): RecordsFound => ({ is: 'records', reason, detail, answer, additional, period: 1, perClient: false });

export const nothing = (reason: ReasonCode, detail: string, ede?: ExtendedError): Found => ({
  is: 'nothing',
  reason,
  detail,
  ...(ede !== undefined && { ede }),
});

export const typeNotHeld = (what: string): Found => ({
  is: 'no-records',
  reason: ReasonCode.typeNotHeld,
  detail: `${what} has no records of this type`,
});

export const onlyChildren = (what: string): Found => ({
  is: 'only-children',
  reason: ReasonCode.emptyNonTerminal,
  detail: `${what} has no records itself, only names below it have`,
});
