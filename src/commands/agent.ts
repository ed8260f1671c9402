import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { AGENT_LEASE, Annotation } from '../api/names.ts';
import { userPath } from '../config/environment.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import type { agentSpec } from '../config/specs/agent.ts';
import { Agent } from '../discovery/agent.ts';
import { publishImportRules } from '../discovery/import-rules.ts';
import { agentMetrics } from '../discovery/metrics.ts';
import { openJoinedBroker } from '../membership/open-broker.ts';
import { healthRoutes } from '../observability/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import { systemClock } from '../runtime/clock.ts';
import { epochOf, LeaderElection, leaseTimes } from '../runtime/lease.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import { type KubernetesStore, openKubernetesStore } from '../store/kubernetes.ts';
import { clustersetCidrsOf } from './clusterset-cidrs.ts';
import { RedisPublisher } from '../store/redis-publisher.ts';
import { memberClusterId } from './cluster-id.ts';
import type { Run } from './command.ts';
import { electionMetrics } from './election-metrics.ts';
import { loggingTo } from './logging.ts';
import { publisherMetrics } from './redis-metrics.ts';
import { serveOrExplain } from './serve.ts';
import { storeMetrics } from './store-metrics.ts';
import { zoneSources } from './zone-sources.ts';

export const runAgent: Run<typeof agentSpec> = async (values, context) => {
  const { environment, process, version } = context;
  const logging = loggingTo(context, values);
  const log = logging('agent');
  const clock = systemClock;
  const clustersetCidrs = clustersetCidrsOf(values);
  let election: LeaderElection | undefined;
  const mayWrite = (): boolean => !values.leaderElect || election?.isLeader === true;
  const open = (name: string, kubeconfig: string | undefined): Promise<KubernetesStore> =>
    openKubernetesStore({
      log: logging('store', { store: name }),
      mayWrite,
      ...(kubeconfig !== undefined && { kubeconfig: userPath(environment, kubeconfig) }),
    });
  const member = await open('member', values.kubeconfig);
  const cluster = await memberClusterId(member, values.clusterId, log);
  const joined =
    values.brokerKubeconfig === undefined
      ? await openJoinedBroker({
          member,
          cluster,
          clock,
          random: Math.random,
          log: logging('broker'),
          mayWrite,
        })
      : undefined;
  const broker = joined?.store ?? (await open('broker', values.brokerKubeconfig ?? values.kubeconfig));
  const brokerNamespace = joined?.namespace ?? values.brokerNamespace;

  if (values.leaderElect) {
    election = new LeaderElection({
      store: member,
      namespace: values.leaseNamespace,
      name: AGENT_LEASE,
      identity: `${hostname()}_${randomUUID()}`,
      times: leaseTimes(values.leaseDuration),
      clock,
      random: Math.random,
      annotations: () => brokerReached(agent),
      log: logging('election'),
    });
  }
  let agent: Agent | undefined; // while this process works
  let publisher: RedisPublisher | undefined; // likewise
  const shutdown = new Shutdown({ process, log, clock });
  const metrics = createMetrics(() => [
    ...(agent === undefined ? [] : agentMetrics(agent)),
    ...(election === undefined ? [] : electionMetrics(election)),
    ...(publisher === undefined ? [] : publisherMetrics(publisher)),
    ...storeMetrics({ member, broker }),
  ]);
  const notReady = (): string | undefined => {
    if (shutdown.signal.aborted) return 'shutting down';
    // Standing by is all that is asked of a replica that does not lead.
    if (election !== undefined && agent === undefined) return undefined;
    return agent?.isMemberSynced === true
      ? undefined
      : `the first full lists from ${member.location} are not in yet`;
  };
  const http = await serveOrExplain(
    '--metrics-listen',
    values.metricsListen,
    healthRoutes(metrics, notReady),
  );
  log.info(
    {
      version,
      cluster,
      metrics: formatListenAddress(http),
      member: member.location,
      broker: broker.location,
      brokerNamespace,
      endpoints: values.endpoints,
    },
    'pharos agent is up',
  );

  const work = async (signal: AbortSignal): Promise<void> => {
    const { endpoints } = values;
    const random = Math.random;
    const filters = {
      from: values.importFrom,
      namespaces: values.importNamespaces,
      denied: values.denyNamespaces,
    };
    const own = { ...(values.ownCidr.length > 0 && { ownCidrs: values.ownCidr }), ...clustersetCidrs };
    const expiry = values.expireAfter !== undefined && { expireAfterMs: values.expireAfter * 1000 };
    const told = publishImportRules(
      { ...filters, ...expiry, ...own },
      { member, clock, random, log },
      signal,
    );
    agent = new Agent({
      cluster,
      member,
      broker,
      brokerNamespace,
      endpoints,
      ...own,
      events: true,
      filters,
      ...expiry,
      version,
      log,
      clock,
      random,
    });
    void agent.synced.then(() => log.info({}, 'Both sides are complete: syncing'));
    publisher =
      values.publish &&
      new RedisPublisher({
        url: values.publish,
        cluster,
        resolvePath: (path) => userPath(environment, path),
        store: member,
        sources: zoneSources,
        epoch: election?.epoch ?? epochOf(clock.now(), 0),
        log: logging('publish'),
        clock,
        random,
      });
    const published = publisher?.run(signal);
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    await Promise.all([agent.close(), published, told]);
    agent = undefined;
    publisher = undefined;
  };
  const working = election === undefined ? work(shutdown.signal) : election.run(shutdown.signal, work);

  // One replica renews the token; the others read it again when the broker refuses theirs.
  const keeping = joined?.keep(() => election?.isLeader ?? true, shutdown.signal);

  shutdown.defer('stores', () => {
    member.close();
    broker.close();
  });
  shutdown.defer('broker token', async () => {
    await keeping;
  });
  shutdown.defer('http', () => http.close());
  shutdown.defer('agent', () => working);
  return 'running';
};

/** For whoever can't reach the broker himself, such as an operator from his own machine. */
function brokerReached(agent: Agent | undefined): Readonly<Record<string, string>> {
  const at = agent?.brokerAnsweredAt;
  return at === undefined ? {} : { [Annotation.brokerReached]: new Date(at).toISOString() };
}
