/**
 * Resource records and answers as data. Owner names and targets are host names in presentation form,
 * lower case, with the final dot: they come from validated labels and never need an escape.
 */
import type { NamesBelow } from './names-below.ts';
import type { ReasonCode } from './reasons.ts';

/** The types that the zone holds (IANA numbers). */
export const RRType = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  ANY: 255,
} as const;

export type ResourceRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'NS' | 'PTR'; readonly target: string }
  | { readonly type: 'TXT'; readonly text: string }
  | { readonly type: 'HINFO'; readonly cpu: string; readonly os: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: 'SOA';
      readonly primary: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    }
);

/** What is asked. `labels` are the name's labels, outermost last, ASCII letters lower-cased, bytes as latin1. */
export interface Question {
  readonly labels: readonly string[];
  readonly type: number;
}

/** Who asks, and the how-manieth time: everything beside the zone that an answer may depend on. */
export interface Asker {
  /** Textual source address, where known; used for `sessionAffinity: ClientIP` only. */
  readonly client?: string;
  /** Whether to answer with all that anybody might get, as secondaries do; then nothing else here counts. */
  readonly whole?: boolean;
  /** Non-negative integer that rises by one per query of this name and type: drives rotation and weights. */
  readonly turn: number;
}

/** An Extended DNS Error (RFC 8914): INFO-CODE and EXTRA-TEXT. */
export interface ExtendedError {
  readonly code: number;
  readonly text: string;
}

/**
 * What an answer was derived from: when one of these changes, whoever kept the answer drops it. The
 * serial in a negative answer's SOA is not worth that: who follows serials asks for the SOA itself.
 */
export type Dependency =
  | `service:${string}/${string}` // service:NAMESPACE/NAME, existing or not
  | `namespace:${string}`
  | 'apex'
  | 'reverse';

interface Explained {
  readonly reason: ReasonCode;
  /** The reason in a sentence that names service, clusters and cause. */
  readonly detail: string;
  readonly dependsOn: Dependency;
  readonly ede?: ExtendedError;
}

/**
 * The meaning of a name and type now. `records`, `nodata` and `nxdomain` are authoritative; the SOA of
 * `soa` goes into the authority section of the latter two.
 */
export type Answer =
  | (Explained & {
      readonly kind: 'records';
      readonly answer: readonly ResourceRecord[];
      readonly additional: readonly ResourceRecord[];
      /** Answers repeat after this many turns; 1 = always the same. */
      readonly period: number;
      /** Whether `Asker.client` was used; then the answer is for that client only. */
      readonly perClient: boolean;
    })
  | (Explained & { readonly kind: 'nodata' | 'nxdomain'; readonly soa: ResourceRecord })
  | (Explained & { readonly kind: 'refused' | 'not-synced' });

/** Which names there are, for whoever denies the others without asking about each. */
export interface NameSource {
  /** Whether all of them are known: only then one that is not among them does not exist. */
  readonly synced: boolean;
  /** The zones' names, labels lower-cased, outermost last. */
  readonly origins: readonly { readonly labels: readonly string[] }[];
  services(): Iterable<{ readonly namespace: string; readonly name: string }>;
  hasService(namespace: string, name: string): boolean;
  /** Whether any service is in this namespace. */
  hasNamespace(namespace: string): boolean;
  /** The names below a service; undefined where it does not exist, or they cannot be listed. */
  below(namespace: string, name: string): NamesBelow | undefined;
}

/** What the DNS server asks: the zone, seen from outside. */
export interface AnswerSource {
  /**
   * Absent where the source has no such list. With it, below each origin, `NAME` and `NAME.svc` for other names than
   * namespaces of the list, and what is below them, does not exist; neither does `NAME.NAMESPACE.svc` where it is not
   * in the list.
   */
  readonly names?: NameSource;
  /** SOA serial (RFC 1982 arithmetic); rises with each change. */
  readonly serial: number;
  answer(question: Question, asker: Asker): Answer;
  /** Tells what changed, after it has changed; `all` = drop everything kept. Returns the unsubscriber. */
  subscribe(listener: (changed: 'all' | ReadonlySet<Dependency>) => void): () => void;
}
