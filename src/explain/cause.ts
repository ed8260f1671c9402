import type { ReasonCode } from '../zone/reasons.ts';

/** Why a cluster counts in an answer or does not: the zone's standings, and what is before them. */
export type CandidateReason =
  /** It counts. */
  | 'counted'
  | 'not-ready'
  | 'drained'
  | 'unreachable'
  /** It counts for other questions: it has no address of this family. */
  | 'other-family'
  /** Its export is of another type than the oldest one's, which alone counts. */
  | 'type-conflict'
  /** Its export names other clusters (`pharos.io/to-clusters`). */
  | 'not-for-this-cluster'
  /** The asking cluster does not let it in (`--import-from`, `--import-namespaces`, `--deny-namespaces`). */
  | 'filtered'
  /** It names an address inside the asking cluster's own networks. */
  | 'own-address'
  /** It is silent for longer than the asking cluster's `--expire-after`. */
  | 'expired'
  /** Its record on the broker cannot be used. */
  | 'bad-record'
  /** Its ServiceExport cannot be published. */
  | 'export-invalid'
  /** Its ServiceExport is not on the broker yet. */
  | 'not-published'
  /** It is on the broker and not in the asking cluster's import yet. */
  | 'not-imported'
  /** It has the Service and no ServiceExport. */
  | 'not-exported';

/** Why the answer is what it is: what the zone says, or what is behind that. */
export type Cause =
  | ReasonCode
  | CandidateReason
  /** The clusterset has the service; the asking cluster lacks the namespace. */
  | 'namespace-missing-here'
  /** The import of this name was made by somebody else. */
  | 'foreign-import'
  /** The import cannot be used. */
  | 'bad-import';
