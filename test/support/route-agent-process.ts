/**
 * A route agent in a process of its own, for a network namespace that it is started in. Its cluster's objects
 * come in as messages of its parent; what it is asked, it answers.
 */
import { Kinds } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/api/objects.ts';
import { runner } from '../../src/host/run.ts';
import { systemSysctls } from '../../src/host/sysctl.ts';
import type { Log } from '../../src/observability/log.ts';
import { knock, PROBE_SETTINGS } from '../../src/routing/probe.ts';
import { RouteAgent } from '../../src/routing/route-agent.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { MemoryStore } from '../../src/store/memory.ts';

/** What a parent sends. */
export type ToAgent =
  | { readonly do: 'set'; readonly object: KubeObject & { status?: unknown } }
  | { readonly do: 'remove'; readonly object: KubeObject }
  | { readonly do: 'ask' }
  | { readonly do: 'stop' };

/** What it answers to `ask`. */
export interface AgentReport {
  readonly synced: boolean;
  readonly choices: Readonly<Record<string, { node: string; reason: string }>>;
  readonly problems: readonly string[];
  readonly refused: readonly string[];
  readonly repairs: Readonly<Record<string, number>>;
  readonly failovers: number;
  /** Whether what changes in the maps of clusterset IPs now is somebody else's doing. */
  readonly settled: boolean;
  readonly verdicts: Readonly<Record<string, string>>;
}

const [, , cluster = '', node = '', stateFile = ''] = process.argv;
const line =
  (level: string) =>
  (fields: object, message: string): void =>
    console.log(
      level,
      message,
      JSON.stringify(fields, (_, v: unknown) => (v instanceof Error ? v.message : v)),
    );
const log: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
const store = new MemoryStore({ location: 'memory', clock: systemClock });
const kinds = new Map(Object.values(Kinds).map((kind) => [kind.kind as string, kind]));
let agent: RouteAgent | undefined;

async function receive(message: ToAgent): Promise<void> {
  switch (message.do) {
    case 'set': {
      const kind = kinds.get(message.object.kind);
      if (kind === undefined) throw new Error(`no kind ${message.object.kind}`);
      const { status, ...object } = message.object;
      await store.apply(kind as never, object as never);
      if (status !== undefined) await store.applyStatus(kind as never, message.object as never);
      return;
    }
    case 'remove': {
      const kind = kinds.get(message.object.kind);
      if (kind !== undefined) await store.remove(kind, message.object.metadata);
      return;
    }
    case 'ask': {
      const plan = agent?.plan;
      const report: AgentReport = {
        synced: agent?.isSynced === true,
        choices: Object.fromEntries(plan?.choices ?? []),
        problems: plan?.problems.map(({ message }) => message) ?? [],
        refused: agent?.refused.map(({ why }) => why) ?? [],
        repairs: {
          ...Object.fromEntries(agent?.repairs ?? []),
          services: agent?.services.repairs ?? 0,
        },
        failovers: agent?.failovers ?? 0,
        settled: agent?.services.isSettled === true,
        verdicts: Object.fromEntries(agent?.verdicts ?? []),
      };
      process.send?.(report);
      return;
    }
    case 'stop':
      await agent?.[Symbol.asyncDispose]();
      process.disconnect();
      return;
    default:
      message satisfies never;
  }
}

let receiving = Promise.resolve();
process.on('message', (message: ToAgent) => {
  receiving = receiving.then(() => receive(message));
});
process.on('disconnect', () => process.exit(0));
agent = new RouteAgent({
  cluster,
  node,
  store,
  run: runner(),
  sysctls: systemSysctls(),
  knock,
  probes: PROBE_SETTINGS,
  stateFile,
  log,
  clock: systemClock,
  random: Math.random,
});
process.send?.('up');
