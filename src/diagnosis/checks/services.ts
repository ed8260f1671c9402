import type { Condition, KubeObject } from '../../api/objects.ts';
import { keyOf } from '../../api/kinds.ts';
import { check, failedIf, skipped } from '../check.ts';
import { workloadOf } from '../workloads.ts';

const GRACE_MS = 30_000;
const FILTERS = 'docs/how-to/filter-imports.md#why-is-my-service-not-there';

export const serviceChecks = [
  check({
    id: 'dns.exports-valid',
    proves: 'every ServiceExport names a Service that can be exported, and the agent has looked at it',
    how: 'The condition Valid of every ServiceExport is read.',
    mend: 'NoService: make the Service, or name the export after it. InvalidServiceType: an ExternalName can not be exported. No condition: see broker.agent.',
    docs: 'docs/how-to/run-on-your-clusters.md#4-export-a-service',
    needs: ['exports'],
    decide: ({ exports }, { now }) =>
      failedIf(
        exports.flatMap((each) => {
          const valid = conditionOf(each, 'Valid');
          if (valid?.status === 'False') return [told(each, valid)];
          const isNew = now - Date.parse(each.metadata.creationTimestamp ?? '') < GRACE_MS;
          return valid === undefined && !isNew
            ? [`ServiceExport ${keyOf(each)}: no agent has looked at it`]
            : [];
        }),
        { is: 'ok', note: `${exports.length} exports` },
      ),
  }),
  check({
    id: 'dns.exports-ready',
    proves: 'every valid ServiceExport has reached the broker',
    how: 'The condition Ready of every ServiceExport is read.',
    mend: 'The message of the condition says what the broker answered; see broker.reachable and broker.accepted.',
    docs: 'docs/how-to/run-on-your-clusters.md#4-export-a-service',
    needs: ['exports'],
    decide: ({ exports }) =>
      failedIf(
        exports.flatMap((each) => {
          const ready = conditionOf(each, 'Ready');
          return conditionOf(each, 'Valid')?.status === 'True' &&
            ready !== undefined &&
            ready.status !== 'True'
            ? [told(each, ready)]
            : [];
        }),
      ),
  }),
  check({
    id: 'dns.conflicts',
    proves: 'the clusters agree about every service that this one exports',
    how: 'The condition Conflict of every ServiceExport is read.',
    mend: 'The message names the field, the value that is kept and the clusters on each side: make the younger exports say the same.',
    docs: 'docs/how-to/run-on-your-clusters.md#4-export-a-service',
    needs: ['exports'],
    decide: ({ exports }) =>
      failedIf(
        exports.flatMap((each) => {
          const conflict = conditionOf(each, 'Conflict');
          return conflict?.status === 'True' ? [told(each, conflict)] : [];
        }),
      ),
  }),
  check({
    id: 'dns.namespaces',
    proves:
      'every namespace that other clusters export from exists here, so that its services can be imported',
    how: "The namespaces of the other members' records on the broker are compared with those of this cluster.",
    mend: 'Make the namespace where its services are to resolve here; where that is not wanted, leave the check out: `--skip dns.namespaces`.',
    docs: FILTERS,
    needs: ['joined', 'remoteExports', 'namespaces'],
    decide: ({ joined, remoteExports, namespaces }) => {
      const own = 'problem' in joined ? undefined : joined.cluster;
      const missing = new Map<string, string[]>(); // namespace → services
      for (const { cluster, namespace, service } of remoteExports) {
        if (cluster === own || namespaces.includes(namespace)) continue;
        missing.set(namespace, [...(missing.get(namespace) ?? []), `${service} of ${cluster}`]);
      }
      return failedIf(
        [...missing].map(
          ([namespace, services]) => `namespace ${namespace} does not exist here: ${listed(services)}`,
        ),
      );
    },
  }),
  check({
    id: 'dns.clusterset-ips',
    proves: 'every import that is to have a clusterset IP has one',
    how: 'The condition pharos.io/ClustersetIP of every ServiceImport is read.',
    mend: 'Give the agents a further or larger `--clusterset-cidr`, or withdraw exports that nobody uses.',
    docs: 'docs/explanation/clusterset-ips.md#what-holds',
    needs: ['imports'],
    decide: ({ imports }) =>
      failedIf(
        imports.flatMap((each) => {
          const condition = conditionOf(each, 'pharos.io/ClustersetIP');
          return condition?.status === 'False' ? [told(each, condition)] : [];
        }),
      ),
  }),
  check({
    id: 'dns.clusterset-routing',
    proves: 'clusterset IPs lead somewhere: route agents are installed where imports have them',
    how: 'ServiceImports with addresses are looked for, and a workload of the component route-agent.',
    mend: 'Install route agents (`routeAgent.enabled` of the chart), or start the agents with `--clusterset-ips=off`.',
    docs: 'docs/explanation/clusterset-ips.md#why-they-are-off-by-default',
    needs: ['imports', 'workloads'],
    decide: ({ imports, workloads }) => {
      const virtual = imports.filter(({ spec }) => (spec.ips ?? []).length > 0);
      if (virtual.length === 0) return skipped('no import has a clusterset IP');
      if (workloads.length === 0)
        return skipped('nothing of Pharos is installed as a Deployment or DaemonSet');
      return failedIf(
        workloadOf(workloads, 'route-agent') === undefined
          ? [
              `${virtual.length} imports have clusterset IPs (${listed(virtual.map(keyOf))}), and no route agent is installed that serves them`,
            ]
          : [],
      );
    },
  }),
];

const conditionOf = (
  { status }: { readonly status?: { readonly conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined => status?.conditions?.find((condition) => condition.type === type);

const told = (object: KubeObject, { reason, message }: Condition): string =>
  `${object.kind} ${keyOf(object)}: ${reason}: ${message}`;

const SHOWN = 5;
const listed = (names: readonly string[]): string =>
  names.length <= SHOWN
    ? names.join(', ')
    : `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more`;
