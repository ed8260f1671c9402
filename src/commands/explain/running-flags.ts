import type { ConfigMap, Deployment } from '../../api/administration.ts';
import { Kinds } from '../../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../api/names.ts';
import { configure } from '../../config/configure.ts';
import type { CommandSpec, Values } from '../../config/flag.ts';
import type { ObjectStore } from '../../store/store.ts';

/**
 * The flags that a Deployment's `pharos` runs with, from its manifest; undefined where there is no such Deployment.
 *
 * @throws Error where it cannot be read, or the flags cannot be told from the manifest
 */
export async function runningFlags<S extends CommandSpec>(
  member: Pick<ObjectStore, 'get'>,
  name: string,
  spec: S,
): Promise<Values<S> | undefined> {
  const where = `Deployment ${SYSTEM_NAMESPACE}/${name}`;
  const deployment: Deployment | undefined = await member.get(Kinds.Deployment, {
    name,
    namespace: SYSTEM_NAMESPACE,
  });
  const container = deployment?.spec.template.spec.containers.find(({ args }) => args?.[0] === spec.name);
  if (container === undefined) return undefined;
  const variables: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    if (configMapRef === undefined) continue;
    const ref = { name: configMapRef.name, namespace: SYSTEM_NAMESPACE };
    const map: ConfigMap | undefined = await member.get(Kinds.ConfigMap, ref);
    Object.assign(variables, map?.data);
  }
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
