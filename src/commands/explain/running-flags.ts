import type { ConfigMap, DaemonSet, Deployment } from '../../api/administration.ts';
import { Kinds } from '../../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import { configure } from '../../config/configure.ts';
import type { CommandSpec, Values } from '../../config/flag.ts';
import type { ObjectStore } from '../../store/store.ts';

const SYSTEM = { namespace: SYSTEM_NAMESPACE } as const;

/** All that runs in Pharos's namespace, Deployments first. */
export async function readWorkloads(
  member: Pick<ObjectStore, 'list'>,
): Promise<readonly (Deployment | DaemonSet)[]> {
  const [deployments, daemonSets] = await Promise.all([
    member.list(Kinds.Deployment, SYSTEM),
    member.list(Kinds.DaemonSet, SYSTEM),
  ]);
  return [...deployments, ...daemonSets];
}

/**
 * The flags that `pharos` runs with as this command, from the manifest of the first of `workloads` that does,
 * whatever it is called; undefined where none does.
 *
 * @throws Error where they cannot be told from the manifest
 */
export async function runningFlags<S extends CommandSpec>(
  member: Pick<ObjectStore, 'get'>,
  workloads: readonly (Deployment | DaemonSet)[],
  spec: S,
): Promise<Values<S> | undefined> {
  const [found] = workloads.flatMap((workload) => {
    const container = workload.spec.template.spec.containers.find(({ args }) => args?.[0] === spec.name);
    return container === undefined ? [] : [{ workload, container }];
  });
  if (found === undefined) return undefined;
  const { workload, container } = found;
  const where = `${workload.kind} ${SYSTEM_NAMESPACE}/${workload.metadata.name}`;
  const maps = await Promise.all(
    (container.envFrom ?? []).map(
      async ({ configMapRef }): Promise<ConfigMap | undefined> =>
        configMapRef && member.get(Kinds.ConfigMap, { ...SYSTEM, name: configMapRef.name }),
    ),
  );
  const variables: Record<string, string> = Object.assign({}, ...maps.map((map) => map?.data));
  for (const { name: variable, value } of container.env ?? [])
    if (value !== undefined) variables[variable] = value;
  const args = container.args ?? [];
  // The file is in the pod: one of that name here would be another.
  const fromFile =
    args.some((arg) => arg === '--config' || arg.startsWith('--config=')) || 'PHAROS_CONFIG' in variables;
  if (fromFile) throw new Error(`${where} has its flags from a file in the pod (--config)`);
  const configured = configure([spec], '', args, { variables, directory: '/' });
  if (configured.type !== 'run') throw new Error(`${where} has flags that this version does not know`);
  return configured.values as unknown as Values<S>;
}
