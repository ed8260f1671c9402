import { Kinds } from '../api/kinds.ts';
import type { unexportSpec } from '../config/specs/unexport.ts';
import type { Run } from './command.ts';
import { exportedName } from './exported-name.ts';
import { openCluster } from './open-cluster.ts';

export const runUnexport: Run<typeof unexportSpec> = async (values, context) => {
  const name = exportedName(values.name, values.afterService);
  const { namespace } = values;
  using member = await openCluster(values.kubeconfig, context);
  const outcome = await member.store.remove(Kinds.ServiceExport, { name, namespace });
  context.stderr.write(
    outcome === 'removed'
      ? `${namespace}/${name} is exported no more\n`
      : `${namespace}/${name} was not exported\n`,
  );
  return 'done';
};
