/** Which programs of the host Pharos calls, and how old they may be. */
import { CommandError, type Run } from './run.ts';

interface Tool {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly version: RegExp;
  readonly least: string;
  readonly why: string;
  readonly package: string;
}

/** `why` ends the sentence "needs 1.0.2 or newer: …". */
export const TOOLS = {
  nftables: {
    name: 'nftables',
    file: 'nft',
    args: ['--version'],
    version: /nftables v(\d+(?:\.\d+)*)/,
    least: '1.0.2',
    why: 'older ones do not read maps as Pharos declares them',
    package: 'nftables',
  },
  iproute2: {
    name: 'iproute2',
    file: 'ip',
    args: ['-V'],
    version: /iproute2-(?:ss)?v?(\d+(?:\.\d+)*)/,
    least: '5.10',
    why: 'older ones know no nexthop objects as Pharos uses them',
    package: 'iproute2',
  },
  strongswan: {
    name: 'strongSwan',
    file: 'swanctl',
    // Its --version asks a daemon first, and fails where none runs.
    args: ['--help'],
    version: /strongSwan[^\d]*(\d+(?:\.\d+)*)/i,
    least: '5.9',
    why: 'older ones take no raw keys over vici as Pharos gives them',
    package: 'strongswan-swanctl',
  },
  conntrack: {
    name: 'conntrack',
    file: 'conntrack',
    args: ['--version'],
    version: /v(\d+(?:\.\d+)*)/,
    least: '1.4.5',
    why: 'older ones do not select entries as Pharos does',
    package: 'conntrack',
  },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof TOOLS;

/** How a tool stands; `problem` is for the user: what is there, what is wanted, what to do. */
export type ToolVerdict =
  | { readonly tool: ToolName; readonly ok: true; readonly version: string }
  | { readonly tool: ToolName; readonly ok: false; readonly problem: string };

export async function checkTool(run: Run, tool: ToolName): Promise<ToolVerdict> {
  const { name, file, args, version: pattern, least, why, package: pack }: Tool = TOOLS[tool];
  const wanted = `Pharos needs ${least} or newer: ${why}; install the package ${pack}`;
  let said: string;
  try {
    said = await run(file, args);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const problem =
      error.code === 'command-missing'
        ? `${name} is not installed ("${file}" is not in PATH); ${wanted}`
        : `${name} does not tell its version: ${error.message}; ${wanted}`;
    return { tool, ok: false, problem };
  }
  const found = pattern.exec(said)?.[1];
  if (found === undefined) {
    return { tool, ok: false, problem: `"${file} ${args.join(' ')}" tells no version; ${wanted}` };
  }
  if (isOlder(found, least)) return { tool, ok: false, problem: `${name} is ${found}; ${wanted}` };
  return { tool, ok: true, version: found };
}

export function isOlder(version: string, than: string): boolean {
  const [left, right] = [version.split('.').map(Number), than.split('.').map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** What the host lacks, told at once. */
class RequirementsError extends Error {
  override readonly name = 'RequirementsError';
  readonly code = 'host-requirements';
}

/** @returns the versions. @throws RequirementsError that names every tool that is missing or too old */
export async function requireTools(
  run: Run,
  tools: readonly ToolName[],
): Promise<Readonly<Record<string, string>>> {
  const verdicts = await Promise.all(tools.map((tool) => checkTool(run, tool)));
  const problems = verdicts.flatMap((verdict) => (verdict.ok ? [] : [verdict.problem]));
  if (problems.length > 0) throw new RequirementsError(problems.join('. '));
  return Object.fromEntries(verdicts.flatMap((v) => (v.ok ? [[v.tool, v.version] as const] : [])));
}

/** Kernel features that a machine may lack. The probe makes a device of no use and removes it again. */
export async function kernelHas(run: Run, kind: 'vxlan' | 'wireguard'): Promise<boolean> {
  const device = `ph-probe-${process.pid % 100_000}`;
  const type = kind === 'vxlan' ? ['vxlan', 'id', '16777214', 'dstport', '47999'] : ['wireguard'];
  try {
    await run('ip', ['link', 'add', device, 'type', ...type]);
  } catch (error) {
    if (error instanceof CommandError && error.code === 'command-failed') return false;
    throw error;
  }
  await run('ip', ['link', 'del', device]);
  return true;
}
