/** Something in a file of manifests that whoever edits it must mend. */
export interface ManifestProblem {
  /** Path relative to the store's directory. */
  readonly file: string;
  /** From 1; absent where it is about the whole file. */
  readonly line?: number;
  readonly reason: string;
}

/** `east/mysql.yaml:4: reason`, as compilers print it. */
export const formatProblem = ({ file, line, reason }: ManifestProblem): string =>
  `${file}${line === undefined ? '' : `:${line}`}: ${reason}`;
