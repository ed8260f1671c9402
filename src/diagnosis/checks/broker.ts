import { waitsFor } from '../../membership/components.ts';
import { check, failedIf, skipped } from '../check.ts';
import { nameOf, workloadOf } from '../workloads.ts';

/** The agent renews a token at the latest after two thirds of its life; this is a good deal later. */
const OVERDUE = 3 / 4;
/** An agent asks every 10 s; clocks differ by some more. */
const CONTACT_MS = 60_000;
const time = (ms: number): string => new Date(ms).toISOString();

export const brokerChecks = [
  check({
    id: 'broker.joined',
    proves: 'the cluster holds what it needs to act as a member of a clusterset',
    how: 'Secret pharos-system/pharos-broker is read, and each of its keys.',
    mend: 'Run `pharos join` with the kubeconfigs of this cluster and of the broker.',
    docs: 'docs/how-to/set-up-a-broker.md#2-let-a-cluster-join',
    needs: ['joined'],
    decide: ({ joined }) => failedIf('problem' in joined ? [joined.problem] : []),
  }),
  check({
    id: 'broker.token',
    proves: "the member's token for the broker is good, and is renewed in time",
    how: 'The times of issue and end in Secret pharos-system/pharos-broker are compared with the clock of this machine.',
    mend: 'See why the agent does not renew it (`kubectl logs -n pharos-system deploy/pharos-agent`); where it has ended, run `pharos join` again.',
    docs: 'docs/how-to/set-up-a-broker.md#2-let-a-cluster-join',
    needs: ['joined'],
    decide: ({ joined }, { now }) => {
      if ('problem' in joined) return skipped('the cluster is no member');
      const { issuedAt, expiresAt } = joined;
      if (now >= expiresAt) return { is: 'failed', reasons: [`the token ended at ${time(expiresAt)}`] };
      const due = issuedAt + (expiresAt - issuedAt) * OVERDUE;
      return now < due
        ? { is: 'ok', note: `good until ${time(expiresAt)}` }
        : {
            is: 'failed',
            reasons: [
              `the token ends at ${time(expiresAt)} and should have been renewed long ago: no agent that leads reaches the broker`,
            ],
          };
    },
  }),
  check({
    id: 'broker.reachable',
    proves: "the broker's API server answers",
    how: "Its records are listed from this machine with the member's own access. Where nothing answers here, the agent's word counts: when the broker last answered it, on Lease pharos-system/pharos-agent.",
    mend: 'Open the way from the member to the address that is named; if the broker moved, run `pharos join` again with `--broker-server`.',
    docs: 'docs/how-to/set-up-a-broker.md#1-make-an-api-server-a-broker',
    needs: ['brokerAnswer', 'agentContact'],
    decide: ({ brokerAnswer, agentContact: { answered } }, { now }) => {
      if (brokerAnswer.is !== 'silent') return { is: 'ok' };
      const { message } = brokerAnswer;
      if (answered === undefined) {
        return {
          is: 'unknown',
          why: `not seen from here, and no agent tells that it reaches it: ${message}`,
        };
      }
      // Whether there is a way from here is nobody's concern but ours.
      return now - Date.parse(answered) < CONTACT_MS
        ? { is: 'ok', note: `not seen from here, but it answered the agent at ${answered}: ${message}` }
        : { is: 'failed', reasons: [`the agent last had an answer at ${answered}`, `from here: ${message}`] };
    },
  }),
  check({
    id: 'broker.accepted',
    proves: 'the broker lets the member in',
    how: "Its records are listed with the member's own access; the answer may be Unauthorized or Forbidden.",
    mend: 'Run `pharos join` again: it gives the member its identity and its rights anew.',
    docs: 'docs/reference/member-permissions.md#rights-rbac',
    needs: ['brokerAnswer'],
    decide: ({ brokerAnswer }) => {
      if (brokerAnswer.is === 'silent') return { is: 'unknown', why: brokerAnswer.message };
      return failedIf(brokerAnswer.is === 'refused' ? [brokerAnswer.message] : []);
    },
  }),
  check({
    id: 'broker.definitions',
    proves: 'the broker serves every kind of record that members keep there',
    how: "Each kind is listed with the member's own access.",
    mend: 'Run `pharos broker deploy` again with the kubeconfig of the broker.',
    docs: 'docs/how-to/set-up-a-broker.md#1-make-an-api-server-a-broker',
    needs: ['brokerLacks'],
    decide: ({ brokerLacks }) => failedIf(brokerLacks.map((kind) => `the broker does not serve ${kind}`)),
  }),
  check({
    id: 'broker.policy',
    proves: "no member can write another one's records on the broker",
    how: 'The ValidatingAdmissionPolicy and its binding are read, which takes `--broker-kubeconfig`.',
    mend: 'Run `pharos broker deploy` again with the kubeconfig of the broker.',
    docs: 'docs/reference/member-permissions.md#whose-record-it-is-admission',
    needs: ['brokerPolicyLacks'],
    decide: ({ brokerPolicyLacks }) => failedIf(brokerPolicyLacks.map((lack) => `${lack} is missing`)),
  }),
  check({
    id: 'broker.agent',
    proves: 'the agent runs',
    how: 'The status of Deployment pharos-agent is read.',
    mend: 'Look at `kubectl -n pharos-system describe pods -l app.kubernetes.io/component=agent` and at its log.',
    docs: 'docs/how-to/run-on-your-clusters.md#2-in-each-member',
    needs: ['workloads'],
    decide: ({ workloads }) => {
      const agent = workloadOf(workloads, 'agent');
      if (agent === undefined) {
        return workloads.length === 0
          ? skipped('nothing of Pharos is installed as a Deployment or DaemonSet')
          : { is: 'failed', reasons: ['there is no Deployment pharos-agent in pharos-system'] };
      }
      const waiting = waitsFor(agent);
      return failedIf(waiting === undefined ? [] : [`${nameOf(agent)}: ${waiting}`]);
    },
  }),
  check({
    id: 'broker.heartbeat',
    proves: "this member's sign of life on the broker is fresh: its agent leads, and reaches the broker",
    how: "The member's Lease on the broker is read; its age is measured by the clock of this machine.",
    mend: 'See the log of the agent that leads; if the agent does run, compare the clocks of the machines.',
    docs: 'docs/how-to/set-up-a-broker.md#3-see-who-is-a-member',
    needs: ['joined', 'heartbeats'],
    decide: ({ joined, heartbeats }) => {
      if ('problem' in joined) return skipped('the cluster is no member');
      const own = heartbeats.find(({ cluster }) => cluster === joined.cluster);
      if (own?.state === 'alive') return { is: 'ok' };
      return {
        is: 'failed',
        reasons: [
          own?.lastSeen === undefined
            ? `the broker never heard from an agent of "${joined.cluster}"`
            : `the broker last heard from "${joined.cluster}" at ${own.lastSeen}`,
        ],
      };
    },
  }),
  check({
    id: 'broker.members',
    proves: 'every other member was heard of lately',
    how: 'The Leases of the other members on the broker are read.',
    mend: 'Run `pharos diagnose` in the silent cluster; if it is gone for good, `pharos broker remove-cluster ID` withdraws what it exported.',
    docs: 'docs/how-to/set-up-a-broker.md#3-see-who-is-a-member',
    needs: ['joined', 'heartbeats'],
    decide: ({ joined, heartbeats }) => {
      const own = 'problem' in joined ? undefined : joined.cluster;
      const others = heartbeats.filter(({ cluster }) => cluster !== own);
      return failedIf(
        others
          .filter(({ state }) => state !== 'alive')
          .map(({ cluster, lastSeen }) =>
            lastSeen === undefined
              ? `"${cluster}" was never heard of`
              : `"${cluster}" is silent since ${lastSeen}`,
          ),
        { is: 'ok', note: others.length === 0 ? 'there is no other member yet' : `${others.length} others` },
      );
    },
  }),
  check({
    id: 'broker.id',
    proves: 'no other cluster acts under the id of this one',
    how: "The uid of namespace kube-system is compared with the one on the member's Lease on the broker.",
    mend: 'Give one of the two clusters another id: `pharos leave`, then `pharos join --cluster-id` there.',
    docs: 'docs/how-to/set-up-a-broker.md#2-let-a-cluster-join',
    needs: ['joined', 'heartbeats', 'clusterUid'],
    decide: ({ joined, heartbeats, clusterUid }) => {
      if ('problem' in joined) return skipped('the cluster is no member');
      const theirs = heartbeats.find(({ cluster }) => cluster === joined.cluster)?.clusterUid;
      return failedIf(
        theirs === undefined || theirs === clusterUid
          ? []
          : [
              `"${joined.cluster}" on the broker is a cluster whose kube-system has uid ${theirs}, this one's is ${clusterUid}`,
            ],
      );
    },
  }),
];
