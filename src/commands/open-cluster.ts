import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { userPath } from '../config/environment.ts';
import type { KubernetesStore } from '../store/kubernetes.ts';
import type { Context } from './command.ts';
import { operatorLogging } from './logging.ts';
import { UserError } from './user-error.ts';

/**
 * The kubeconfig that an operator means: the flag, else KUBECONFIG, else ~/.kube/config; undefined where
 * there is none, which leaves the service account of a pod.
 */
function operatorKubeconfig(flag: string | undefined, { environment }: Context): string | undefined {
  if (flag !== undefined) return userPath(environment, flag);
  const { KUBECONFIG: variable = '', HOME: home = '' } = environment.variables;
  const [first, second] = variable.split(delimiter).filter((path) => path !== '');
  if (second !== undefined) {
    throw new UserError(`KUBECONFIG names several files (${variable}); choose one with --kubeconfig FILE`);
  }
  if (first !== undefined) return userPath(environment, first);
  const own = join(home, '.kube/config');
  return home !== '' && existsSync(own) ? own : undefined;
}

/** Whether there is a cluster to ask though no flag names one. */
export const hasCluster = (context: Context): boolean =>
  operatorKubeconfig(undefined, context) !== undefined ||
  context.environment.variables['KUBERNETES_SERVICE_HOST'] !== undefined;

/** An API server for the time of one command of an operator: close it by `using`. */
export async function openCluster(
  flag: string | undefined,
  context: Context,
): Promise<{ readonly store: KubernetesStore } & Disposable> {
  const kubeconfig = operatorKubeconfig(flag, context);
  const { openKubernetesStore } = await import('../store/kubernetes.ts');
  const store = await openKubernetesStore({
    log: operatorLogging(context)('store'),
    ...(kubeconfig !== undefined && { kubeconfig }),
  });
  return { store, [Symbol.dispose]: () => store.close() };
}
