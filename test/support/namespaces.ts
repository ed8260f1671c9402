import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Run, runner } from '../../src/host/run.ts';
import { Netns } from '../lab/netns.ts';
import { refuse } from '../lab/packages.ts';
import { killProcesses } from '../lab/processes.ts';

/** Why this machine has no network namespaces to offer, for a test to skip with. */
export const noNamespaces = (): string | undefined =>
  process.getuid?.() === 0 ? undefined : refuse('network namespaces need root');

/** Network namespaces for one test: all of them, with what runs in them, end when it is disposed of. */
export class Namespaces implements AsyncDisposable {
  readonly lab = randomUUID();
  readonly dir = mkdtempSync(join(tmpdir(), 'pharos-netns-'));

  create(name: string): Promise<Netns> {
    return Netns.create(this.lab, this.dir, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await killProcesses(this.lab);
    rmSync(this.dir, { recursive: true });
  }
}

/** Runs programs in the namespace, as Pharos does on a node. */
export const runIn = (netns: Netns): Run => runner(netns.enter([]));
