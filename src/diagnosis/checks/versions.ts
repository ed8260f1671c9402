import { isTooOld, LEAST_KUBERNETES } from '../../membership/preflight/kubernetes-version.ts';
import { check, failedIf, skipped, type Verdict } from '../check.ts';
import { componentOf, imageTagOf, nameOf } from '../workloads.ts';

export const versionChecks = [
  check({
    id: 'versions.member',
    proves: 'the member is a Kubernetes that Pharos works with: 1.30 or later',
    how: 'Its API server is asked for its version.',
    mend: 'Upgrade Kubernetes in this cluster.',
    docs: 'docs/how-to/set-up-a-broker.md#2-let-a-cluster-join',
    needs: ['memberVersion'],
    decide: ({ memberVersion }) => versionVerdict(memberVersion),
  }),
  check({
    id: 'versions.broker',
    proves: 'the broker is a Kubernetes that can keep members apart: 1.30 or later',
    how: "Its API server is asked for its version, with the member's own access.",
    mend: 'Upgrade Kubernetes on the broker: older ones have no ValidatingAdmissionPolicy.',
    docs: 'docs/how-to/set-up-a-broker.md#1-make-an-api-server-a-broker',
    needs: ['brokerVersion'],
    decide: ({ brokerVersion }) => versionVerdict(brokerVersion),
  }),
  check({
    id: 'versions.definitions',
    proves: 'the API server serves every kind that Pharos reads and writes, in the version that it uses',
    how: 'The CustomResourceDefinitions of the MCS API and of pharos.io are read in the member.',
    mend: 'Run `pharos join` again, which installs what is missing; a definition that somebody else installed must be upgraded by them.',
    docs: 'docs/how-to/set-up-a-broker.md#2-let-a-cluster-join',
    needs: ['definitions'],
    decide: ({ definitions }) =>
      failedIf(
        definitions.flatMap(({ name, needs, present }) => {
          if (present === undefined) return [`CustomResourceDefinition ${name} is missing`];
          const served = present.spec.versions.filter((version) => version.served).map((each) => each.name);
          return served.includes(needs)
            ? []
            : [
                `CustomResourceDefinition ${name} serves ${served.join(', ') || 'no version'}, Pharos needs ${needs}`,
              ];
        }),
      ),
  }),
  check({
    id: 'versions.components',
    proves: 'everything of Pharos that runs in the member is of one version',
    how: 'The images of the Deployments and DaemonSets in pharos-system are compared.',
    mend: 'Bring all of them to one version: `helm upgrade`, or `pharos join` again with one `--image`.',
    docs: 'docs/how-to/run-on-your-clusters.md#2-in-each-member',
    needs: ['workloads'],
    decide: ({ workloads }, { version }) => {
      const ours = workloads.filter((workload) => componentOf(workload) !== undefined);
      if (ours.length === 0) return skipped('nothing of Pharos is installed as a Deployment or DaemonSet');
      const tags = new Map<string, string[]>(); // tag → workloads
      for (const workload of ours) {
        const tag = imageTagOf(workload);
        tags.set(tag, [...(tags.get(tag) ?? []), nameOf(workload)]);
      }
      if (tags.size > 1) {
        const each = [...tags].map(([tag, names]) => `${tag} by ${names.join(', ')}`);
        return { is: 'failed', reasons: [`${tags.size} versions run: ${each.join('; ')}`] };
      }
      const [tag = ''] = tags.keys();
      return tag === version
        ? { is: 'ok', note: `all run ${tag}` }
        : { is: 'ok', note: `all run ${tag}; this command is ${version}` };
    },
  }),
];

function versionVerdict(version: string): Verdict {
  const tooOld = isTooOld(version);
  if (tooOld === undefined) return { is: 'unknown', why: `the server says that it is "${version}"` };
  return tooOld
    ? { is: 'failed', reasons: [`it is Kubernetes ${version}, must be ${LEAST_KUBERNETES} or later`] }
    : { is: 'ok', note: version };
}
