/**
 * What `pharos explain` answers: from a question back to its cause. The type is a promise (`apiVersion`): fields are
 * added, none changes its meaning or goes before another version. Texts are for people and may change.
 */
import type { IpFamily } from '../api/objects.ts';
import type { Policy } from '../zone/import-model.ts';
import type { ReasonCode } from '../zone/reasons.ts';
import type { Answer } from '../zone/records.ts';
import type { Cause, CandidateReason } from './cause.ts';

export const EXPLANATION = { apiVersion: 'pharos.io/v1alpha1', kind: 'Explanation' } as const;

export interface Explanation {
  readonly apiVersion: typeof EXPLANATION.apiVersion;
  readonly kind: typeof EXPLANATION.kind;
  /** RFC 3339: the moment that it is about. */
  readonly at: string;
  readonly question: AskedQuestion;
  readonly verdict: Verdict;
  /** From the zone to the caches, in the order in which one follows from the other. */
  readonly steps: readonly Step[];
  /** Each cluster that exports the service, or could: sorted by id. */
  readonly candidates: readonly Candidate[];
  /** How one of several clusters was chosen; absent where nothing was to choose. */
  readonly choice?: Choice;
  readonly answer: Sent;
  /** Where an answer may be kept on its way to the client, in the order of the way. */
  readonly caches: readonly Cache[];
  /** What would have to change for another answer; the likeliest first. */
  readonly changes: readonly Change[];
  /** Names that are there and near to one that is not. */
  readonly nearest: readonly string[];
  /** What could not be looked at, and why: what is said holds without it. */
  readonly unknown: readonly string[];
}

export interface AskedQuestion {
  /** With its final dot, lower case. */
  readonly name: string;
  /** What was typed, where that was completed. */
  readonly typed?: string;
  /** `A`, `AAAA`, `SRV`, … or `TYPE65`. */
  readonly type: string;
  /** The cluster whose server answers; absent for one outside all clusters. */
  readonly cluster?: string;
  /** The client's address, which session affinity goes by. */
  readonly client?: string;
}

export interface Verdict {
  /** What the server answers. */
  readonly answer: Answer['kind'];
  /** The server's own reason: the one in its logs. */
  readonly reason: ReasonCode;
  /** The reason as far back as it could be followed. */
  readonly cause: Cause;
  /** One sentence. */
  readonly text: string;
}

export type StepId =
  'zone' | 'name' | 'namespace' | 'exports' | 'import' | 'clusters' | 'choice' | 'answer' | 'caches';

export interface Step {
  readonly id: StepId;
  /** `cause`: here is why the answer is no other; `note`: worth a look; `unknown`: it could not be looked at. */
  readonly state: 'fine' | 'cause' | 'note' | 'unknown';
  readonly text: string;
  /** The objects that decided it. */
  readonly objects: readonly ObjectReference[];
}

export interface ObjectReference {
  /** The cluster, or `broker`. */
  readonly in: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** RFC 3339, where it says. */
  readonly created?: string;
}

export interface Candidate {
  readonly cluster: string;
  /** Whether it is the cluster whose server answers. */
  readonly own: boolean;
  /** Whether it counts for this question. */
  readonly counts: boolean;
  readonly reason: CandidateReason;
  readonly text: string;
  /** RFC 3339: since when, where that is known. */
  readonly since?: string;
  /** RFC 3339: when its ServiceExport was made; the oldest wins conflicts. */
  readonly exported?: string;
  readonly weight?: number;
  /** What it gives to the answer, or would if it were chosen. */
  readonly addresses: readonly string[];
  /** Whether it is in this answer. */
  readonly chosen: boolean;
}

export interface Choice {
  readonly policy: Policy;
  /** Whether a client stays with its cluster (`sessionAffinity: ClientIP`). */
  readonly affinity: boolean;
  /** By address family, the clusters that the policy leaves to choose from, and those chosen now. */
  readonly families: Readonly<Partial<Record<IpFamily, Turn>>>;
}

export interface Turn {
  readonly among: readonly string[];
  readonly chosen: readonly string[];
  /** Answers repeat after this many turns; 1 = always the same. */
  readonly period: number;
}

/** The answer as it would be sent to this client's first question. */
export interface Sent {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'REFUSED' | 'SERVFAIL';
  /** Zone-file lines, by section of the message. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  /** Seconds that it may be kept; absent for errors, which carry none. */
  readonly ttl?: number;
  /** Extended DNS Error (RFC 8914). */
  readonly ede?: { readonly code: number; readonly text: string };
}

export interface Cache {
  readonly at: 'shim' | 'cluster-dns' | 'node-local-dns' | 'client';
  readonly text: string;
  /** Seconds that it adds to an answer's age at most; absent where it is not known. */
  readonly keepsSeconds?: number;
}

export interface Change {
  readonly text: string;
  /** The cluster where it is to be done, or `broker`. */
  readonly in?: string;
  /** To copy. */
  readonly command?: string;
}
