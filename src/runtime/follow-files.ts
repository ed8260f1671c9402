/** Follows the content of files that others replace: certificates, secrets. */
import { readFile } from 'node:fs/promises';
import type { Clock } from './clock.ts';

/**
 * How often files are read again; milliseconds. They are small, and reading them sees every way of replacing one,
 * Kubernetes' exchanged symbolic links included, which events do not.
 */
const LOOK_MS = 2000;

export interface FollowOptions {
  readonly paths: readonly string[];
  readonly clock: Clock;
  /** Told of the contents, in the order of the paths, whenever one has changed. What it throws goes to `onProblem`. */
  readonly onContent: (contents: readonly Buffer[]) => void;
  /** Told once of each problem; what was told before stays in force. */
  readonly onProblem: (error: unknown) => void;
}

/**
 * Reads the files, then goes on following them until `signal` aborts.
 * @throws Error where they cannot be read, or used, the first time
 */
export async function followFiles(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { paths, clock, onContent, onProblem } = options;
  const readAll = (): Promise<readonly Buffer[]> => Promise.all(paths.map((path) => readFile(path)));
  let known = await readAll();
  onContent(known);
  let problem = '';
  const look = async (): Promise<void> => {
    try {
      const now = await readAll();
      if (now.every((content, index) => known[index]?.equals(content))) return;
      // Also what cannot be used is known: it is tried once, not every time.
      known = now;
      onContent(now);
      problem = '';
    } catch (error) {
      if (String(error) !== problem) onProblem(error);
      problem = String(error);
    }
  };
  void (async () => {
    for (;;) {
      await clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      await look();
    }
  })();
}
