import { formatListenAddress, type ListenAddress } from '../config/listen-address.ts';
import { nearest } from '../config/nearest.ts';
import type { diagnoseSpec } from '../config/specs/diagnose.ts';
import { checks } from '../diagnosis/checks.ts';
import { FactSource } from '../diagnosis/fact-source.ts';
import type { BrokerAccess } from '../diagnosis/gather/broker.ts';
import { askFromHere } from '../diagnosis/gather/dns.ts';
import { gatherersFor } from '../diagnosis/gather/gatherers.ts';
import { runChecks, selectChecks } from '../diagnosis/run-checks.ts';
import { runner } from '../host/run.ts';
import { systemSysctls } from '../host/sysctl.ts';
import { connectBroker } from '../membership/broker-connection.ts';
import { storedCredentials } from '../membership/credentials.ts';
import { silentLog } from '../observability/log.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Run } from './command.ts';
import { findByPods, splitChecks } from './diagnose-by-pods.ts';
import { formatDiagnosis } from './format-diagnosis.ts';
import { once } from './once.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

export const runDiagnose: Run<typeof diagnoseSpec> = async (values, context) => {
  const { group: groups, only, skip } = values;
  expectIds([...only, ...skip]);
  const selected = selectChecks(checks, { groups, only, skip });
  if (selected.length === 0) throw new UserError('no check is in that group, of that id, and not skipped');

  if (values.pod && values.host) {
    throw new UserError('either --host, which looks at this machine, or --pod, which looks at the nodes');
  }
  if (values.node.length > 0 && !values.pod) {
    throw new UserError('--node says where the pods of --pod look: give both');
  }
  const zone = values.zone.replace(/\.$/, '');
  using closing = new DisposableStack();
  const { store: member } = closing.use(await openCluster(values.kubeconfig, context));
  const asMember = once(async (): Promise<BrokerAccess | undefined> => {
    const credentials = await storedCredentials(member);
    if (credentials === undefined) return undefined;
    const { store } = connectBroker(member, credentials, { log: silentLog });
    closing.defer(() => store.close());
    return { store, namespace: credentials.namespace };
  });
  const asAdministrator = once(async (): Promise<BrokerAccess> => {
    const { store } = closing.use(await openCluster(values.brokerKubeconfig, context));
    return { store, namespace: values.brokerNamespace };
  });
  // Addresses of Services and pods lead nowhere but in the cluster.
  const isInCluster = context.environment.variables['KUBERNETES_SERVICE_HOST'] !== undefined;
  const isTold = values.dnsServer !== undefined || values.clusterDns !== undefined;
  const gatherers = gatherersFor({
    member,
    asMember,
    asAdministrator: values.brokerKubeconfig === undefined ? undefined : asAdministrator,
    asking: {
      ask: isInCluster || isTold ? askFromHere : undefined,
      cannotAsk:
        "the cluster's addresses are not reached from here: look from a pod, with --pod, or name --dns-server and --cluster-dns",
      dnsServer: addressText(values.dnsServer),
      clusterDns: addressText(values.clusterDns),
    },
    host: values.host ? { run: runner(), sysctls: systemSysctls() } : undefined,
    zone,
    clock: systemClock,
  });
  const source = new FactSource(gatherers, { clock: systemClock, limitMs: values.timeLimit * 1000 });
  const { ofNodes, ofPods, others } = values.pod
    ? splitChecks(selected)
    : { ofNodes: [], ofPods: [], others: selected };
  const [fromHere, byPods] = await Promise.all([
    runChecks(others, source, { now: systemClock.now(), version: context.version, zone }),
    values.pod ? findByPods({ ofNodes, ofPods }, member, source, values, context) : [],
  ]);
  if (byPods === undefined) return 'failed';
  const findingOf = new Map([...fromHere, ...byPods].map((finding) => [finding.check, finding]));
  const findings = selected.flatMap((check) => findingOf.get(check) ?? []);
  context.stdout.write(formatDiagnosis(findings, values.output, member.location));
  return findings.some(({ verdict }) => verdict.is === 'failed') ? 'failed' : 'done';
};

function expectIds(ids: readonly string[]): void {
  const known = checks.map(({ id }) => id);
  for (const id of ids) {
    if (known.some((each) => each === id)) continue;
    const near = nearest(id, known);
    throw new UserError(
      `there is no check "${id}"${near === undefined ? '' : `; did you mean ${near}?`}: docs/reference/checks.md lists them`,
    );
  }
}

const addressText = (address: ListenAddress | undefined): string | undefined =>
  address === undefined ? undefined : formatListenAddress(address);
