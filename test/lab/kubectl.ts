import { command, type CommandResult } from './command.ts';
import { cleanEnvironment } from './processes.ts';

export interface KubectlOptions {
  /** For `-f -`. */
  readonly input?: string;
  readonly signal?: AbortSignal;
}

/** Runs the real kubectl against one API server. Whatever status it ends with, that is an answer. */
export type Kubectl = (args: readonly string[], options?: KubectlOptions) => Promise<CommandResult>;

export function makeKubectl(binary: string, kubeconfig: string, cacheDir: string): Kubectl {
  const env = { ...cleanEnvironment(), HOME: cacheDir, KUBECONFIG: kubeconfig, KUBECACHEDIR: cacheDir };
  return (args, options = {}) => command(binary, args, { env, ...options });
}

/** `kubectl apply` of YAML text or objects; an error where it is refused. Answers what kubectl said. */
export async function applyWith(kubectl: Kubectl, manifests: string | readonly object[]): Promise<string> {
  const input =
    typeof manifests === 'string' ? manifests : manifests.map((m) => JSON.stringify(m)).join('\n---\n');
  const { stdout, stderr, code } = await kubectl(['apply', '-f', '-'], { input });
  if (code !== 0) throw new Error(`kubectl apply: ${stderr.trim()}`);
  return stdout;
}
