import { connect } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import type { ProbeVerdict } from './facts.ts';
import { PROBE_PORT } from './filter.ts';

/**
 * Resolves with true when the host answers within `timeoutMs`, with false when nothing comes. Any answer
 * counts: the kernel's reset is the usual one.
 */
export type Knock = (ip: string, timeoutMs: number) => Promise<boolean>;

/**
 * Knocks at a TCP port that nobody listens on. The other kernel answers by itself - by a rule of Pharos's
 * table, ahead of any firewall's - so the verdict is about the node and the network between, and a crash of
 * one of its processes moves no traffic.
 */
export const knock: Knock = (ip, timeoutMs) => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: ip, port: PROBE_PORT });
  const end = (answered: boolean): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve(answered);
  };
  const timer = setTimeout(() => end(false), timeoutMs);
  socket.once('connect', () => end(true));
  // EHOSTUNREACH is this host's own word, of a way that it does not have.
  socket.once('error', (error: NodeJS.ErrnoException) =>
    end(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET'),
  );
  return promise;
};

export interface ProbeSettings {
  readonly intervalMs: number;
  /** So many without an answer make a gateway silent. */
  readonly lost: number;
  /** So many answers in a row make it one that answers again. */
  readonly good: number;
}

export const PROBE_SETTINGS: ProbeSettings = { intervalMs: 100, lost: 3, good: 10 };

interface Target {
  readonly ip: string;
  readonly stop: () => void;
  verdict: ProbeVerdict;
  /** Answers (positive) or silences (negative) in a row. */
  row: number;
}

export interface GatewayProbesOptions {
  readonly clock: Clock;
  readonly knock: Knock;
  readonly settings: ProbeSettings;
  /** A verdict has changed. Must not throw. */
  readonly onVerdict: (node: string, verdict: ProbeVerdict) => void;
}

/** Probes of gateway nodes, each in its own rhythm: one that is late does not hold up another. */
export class GatewayProbes {
  readonly #options: GatewayProbesOptions;
  readonly #targets = new Map<string, Target>(); // gateway node → target

  constructor(options: GatewayProbesOptions) {
    this.#options = options;
  }

  /** Gateway node → how it answers. */
  get verdicts(): ReadonlyMap<string, ProbeVerdict> {
    return new Map([...this.#targets].map(([node, { verdict }]) => [node, verdict]));
  }

  /** Probes these from now on, and no others. What is known of one that stays is kept. */
  watch(targets: ReadonlyMap<string, string>): void {
    for (const [node, target] of this.#targets) {
      if (targets.get(node) === target.ip) continue;
      target.stop();
      this.#targets.delete(node);
    }
    for (const [node, ip] of targets) if (!this.#targets.has(node)) this.#start(node, ip);
  }

  close(): void {
    this.watch(new Map());
  }

  #start(node: string, ip: string): void {
    const { clock, settings, knock } = this.#options;
    let cancel = (): void => {};
    let stopped = false;
    const target: Target = {
      ip,
      verdict: 'unknown',
      row: 0,
      stop: () => {
        stopped = true;
        cancel();
      },
    };
    this.#targets.set(node, target);
    const round = (): void => {
      cancel = clock.after(settings.intervalMs, round);
      // A round does not wait for the one before: an answer may take longer than the time between two.
      void knock(ip, settings.intervalMs).then((answered) => {
        if (!stopped) this.#count(node, target, answered);
      });
    };
    round();
  }

  #count(node: string, target: Target, answered: boolean): void {
    const { lost, good } = this.#options.settings;
    const sign = answered ? 1 : -1;
    target.row = Math.sign(target.row) === sign ? target.row + sign : sign;
    const verdict = this.#verdictOf(target, lost, good);
    if (verdict === target.verdict) return;
    target.verdict = verdict;
    this.#options.onVerdict(node, verdict);
  }

  #verdictOf({ verdict, row }: Target, lost: number, good: number): ProbeVerdict {
    if (row <= -lost) return 'silent';
    if (row > 0 && (verdict !== 'silent' || row >= good)) return 'answers';
    return verdict;
  }
}
