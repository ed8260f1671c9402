import { ReasonCode } from '../zone/reasons.ts';
import type { Cause } from './cause.ts';
import type { Candidate, Change } from './explanation.ts';
import { keyText, type Finding, type ServiceName } from './finding.ts';

/** What would have to change for another answer, the likeliest first. */
export function changesFor(finding: Finding, cause: Cause): Change[] {
  const { answer, service, world, candidates, nearest } = finding;
  const here = world.cluster ?? 'this cluster';
  const changes: Change[] = [];
  const turns = Object.values(finding.choice?.families ?? {});
  const isInTurn = (cluster: string): boolean => turns.some(({ among }) => among.includes(cluster));
  if (answer.reason === ReasonCode.notSynced) {
    changes.push({
      text: 'The first full list from the API server: the log of pharos dns says what is in the way',
    });
  }
  if (cause === 'namespace-missing-here' && service !== undefined) {
    changes.push({
      text: `Namespace ${service.namespace} in ${here}: the import comes with it`,
      in: here,
      command: `kubectl create namespace ${service.namespace}`,
    });
  }
  if (cause === 'foreign-import' && service !== undefined) {
    changes.push({
      text: `The ServiceImport ${keyText(service)} out of ${here}: Pharos then writes its own`,
      in: here,
      command: `kubectl delete serviceimport ${service.service} -n ${service.namespace}`,
    });
  }
  const isMeant = nearest.length === 0 || candidates.length > 0;
  if (!isMeant)
    changes.push(...nearest.map((name) => ({ text: `Ask for ${name} if that is what was meant` })));
  if (service !== undefined) {
    changes.push(
      ...candidates.flatMap((candidate) =>
        changeOf(candidate, service, here, cause, isInTurn(candidate.cluster)),
      ),
    );
    const isUnheardOf = answer.kind === 'nxdomain' && !finding.isImported && candidates.length === 0;
    if (isUnheardOf) {
      changes.push({
        text: `An export of Service ${keyText(service)} in the cluster that has it`,
        command: `pharos export ${service.service} -n ${service.namespace}`,
      });
    }
  }
  if (isMeant)
    changes.push(...nearest.map((name) => ({ text: `Ask for ${name} if that is what was meant` })));
  return changes;
}

function changeOf(
  { cluster, reason, weight, counts, chosen }: Candidate,
  service: ServiceName,
  here: string,
  cause: Cause,
  isInTurn: boolean,
): readonly Change[] {
  const key = keyText(service);
  const at = `${service.service} -n ${service.namespace}`;
  switch (reason) {
    case 'counted':
      return counts && !chosen && !isInTurn && cause === ReasonCode.clusterChosen
        ? [
            {
              text: `Another policy, for ${cluster} to answer as well: weighted or all (annotation pharos.io/policy of the oldest export)`,
            },
          ]
        : [];
    case 'not-ready':
      return [
        {
          text: `A ready endpoint of Service ${key} in ${cluster}`,
          in: cluster,
          command: `kubectl get endpointslices -n ${service.namespace} -l kubernetes.io/service-name=${service.service}`,
        },
      ];
    case 'unreachable':
      return [
        { text: `A connection from ${here} to ${cluster}`, command: 'kubectl get gateways.pharos.io -A' },
      ];
    case 'drained':
      return weight === 0
        ? [
            {
              text: `A weight above 0 for ${cluster}`,
              in: cluster,
              command: `pharos export ${at} --weight 1`,
            },
          ]
        : [{ text: `The end of the drain of ${cluster}`, command: `pharos undrain ${cluster}` }];
    case 'not-exported':
    case 'export-invalid':
      return [
        reason === 'not-exported'
          ? { text: `An export of Service ${key} in ${cluster}`, in: cluster, command: `pharos export ${at}` }
          : { text: `A Service ${key} in ${cluster} that can be exported`, in: cluster },
      ];
    case 'not-published':
      return [{ text: `A running pharos agent in ${cluster} that reaches the broker`, in: cluster }];
    case 'not-imported':
      return cause === 'namespace-missing-here'
        ? []
        : [{ text: `A running pharos agent in ${here} that reaches the broker`, in: here }];
    case 'not-for-this-cluster':
      return [
        {
          text: `${here} among the clusters that the export in ${cluster} is for`,
          in: cluster,
          command: `pharos export ${at} --to-clusters ${here}`,
        },
      ];
    case 'filtered':
      return [
        {
          text: `Another filter of the agent in ${here} (--import-from, --import-namespaces, --deny-namespaces)`,
          in: here,
        },
      ];
    case 'own-address':
      return [
        {
          text: `Networks of ${cluster} that are not ${here}'s as well, or another --own-cidr of the agent in ${here} if that network is not its own (docs/how-to/filter-imports.md)`,
          in: cluster,
        },
      ];
    case 'expired':
      return [{ text: `A sign of life of ${cluster}: its agent has to reach the broker`, in: cluster }];
    case 'bad-record':
      return [{ text: `A record of ${cluster} on the broker that its own agent wrote`, in: cluster }];
    case 'type-conflict':
      return [{ text: `Exports of ${key} of one type: all ClusterSetIP, or all headless`, in: cluster }];
    case 'other-family':
      return [
        { text: `An endpoint of Service ${key} in ${cluster} with an address of that family`, in: cluster },
      ];
    default:
      return reason satisfies never;
  }
}
