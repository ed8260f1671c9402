import { Kinds } from '../api/kinds.ts';
import { Annotation } from '../api/names.ts';
import type { ServiceExport } from '../api/objects.ts';
import type { Values } from '../config/flag.ts';
import type { exportSpec } from '../config/specs/export.ts';
import type { Clock } from '../runtime/clock.ts';
import { systemClock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import { StoreError } from '../store/store.ts';
import type { Output, Run } from './command.ts';
import { exportedName } from './exported-name.ts';
import { openCluster } from './open-cluster.ts';
import { formatTable } from './print-table.ts';
import { UserError } from './user-error.ts';

export type ExportValues = Values<typeof exportSpec>;

const LOOK_EVERY_MS = 200;

export const runExport: Run<typeof exportSpec> = async (values, context) => {
  using member = await openCluster(values.kubeconfig, context);
  await exportService(member.store, values, { clock: systemClock, ...context });
  return 'done';
};

/**
 * Makes the ServiceExport, or changes it, and prints its conditions.
 *
 * @throws UserError where the cluster knows no ServiceExports, or where it is not ready in time
 */
export async function exportService(
  member: ObjectStore,
  values: ExportValues,
  { clock, stdout, stderr }: { readonly clock: Clock; readonly stdout: Output; readonly stderr: Output },
): Promise<void> {
  const name = exportedName(values.name, values.afterService);
  const { namespace } = values;
  const what = `${namespace}/${name}`;
  if ((await member.get(Kinds.Service, { name, namespace })) === undefined) {
    stderr.write(`warning: there is no Service ${what} yet; it is exported as soon as there is one\n`);
  }
  const wanted = serviceExport(name, values);
  const applied = await member.apply(Kinds.ServiceExport, wanted).catch((cause: unknown) => {
    if (!(cause instanceof StoreError) || cause.code !== 'not-found') throw cause;
    throw new UserError(
      `Cannot export ${what} at ${member.location}: the namespace or the kind ServiceExport is missing there ` +
        `(${cause.message}); is it a member? See "pharos join --help"`,
      { cause },
    );
  });
  const seen = values.wait ? await untilReady(member, applied, values.timeout, clock) : applied;
  const conditions = seen.status?.conditions ?? [];
  if (conditions.length === 0) {
    stderr.write(
      `${what} is exported; "pharos export ${name} -n ${namespace} --wait" tells when it is ready\n`,
    );
    return;
  }
  stdout.write(
    formatTable(
      ['CONDITION', 'STATUS', 'REASON', 'MESSAGE'],
      conditions.map(({ type, status, reason, message }) => [type, status, reason, message]),
    ),
  );
}

function serviceExport(name: string, values: ExportValues): ServiceExport {
  const { namespace, weight, policy, toClusters } = values;
  const annotations = {
    ...(weight !== undefined && { [Annotation.weight]: String(weight) }),
    ...(policy !== undefined && { [Annotation.policy]: policy }),
    ...(toClusters.length > 0 && { [Annotation.toClusters]: toClusters.join(',') }),
  };
  return {
    apiVersion: Kinds.ServiceExport.apiVersion,
    kind: 'ServiceExport',
    metadata: { name, namespace, ...(Object.keys(annotations).length > 0 && { annotations }) },
  };
}

const isTrue = ({ status }: ServiceExport, type: string): boolean =>
  status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

/** The export once the broker has what it says now. @throws UserError after the time-out, with the reason */
async function untilReady(
  member: ObjectStore,
  { metadata }: ServiceExport,
  timeoutSeconds: number,
  clock: Clock,
): Promise<ServiceExport> {
  const end = clock.monotonic() + timeoutSeconds * 1000;
  for (;;) {
    const present = await member.get(Kinds.ServiceExport, metadata);
    if (present !== undefined && isTrue(present, 'Valid') && isTrue(present, 'Ready')) return present;
    if (clock.monotonic() >= end) {
      const told = (present?.status?.conditions ?? [])
        .filter(({ type, status }) => type !== 'Conflict' && status !== 'True')
        .map(({ type, reason, message }) => `${type} is ${reason}: ${message}`);
      throw new UserError(
        `ServiceExport ${metadata.namespace}/${metadata.name} is not ready after ${timeoutSeconds} s: ` +
          (told.join('; ') || 'no agent has looked at it: does "pharos agent" run in this cluster?'),
      );
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
}
