import { hostname } from 'node:os';
import { join } from 'node:path';
import { userPath } from '../config/environment.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import type { routeAgentSpec } from '../config/specs/route-agent.ts';
import { requireTools } from '../host/requirements.ts';
import { runner } from '../host/run.ts';
import { systemSysctls } from '../host/sysctl.ts';
import { healthRoutes } from '../observability/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import { removeRouting } from '../routing/cleanup.ts';
import { LooseFilter } from '../routing/loose-filter.ts';
import { routeAgentMetrics } from '../routing/metrics.ts';
import { PROBE_SETTINGS, knock } from '../routing/probe.ts';
import { RouteAgent } from '../routing/route-agent.ts';
import { systemClock } from '../runtime/clock.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import { openKubernetesStore } from '../store/kubernetes.ts';
import { memberClusterId } from './cluster-id.ts';
import type { Run } from './command.ts';
import { loggingTo } from './logging.ts';
import { serveOrExplain } from './serve.ts';
import { storeMetrics } from './store-metrics.ts';

export const runRouteAgent: Run<typeof routeAgentSpec> = async (values, context) => {
  const { environment, process, version } = context;
  const logging = loggingTo(context, values);
  const log = logging('route-agent');
  const run = runner();
  const stateFile = join(userPath(environment, values.stateDir), 'rp_filter');
  const tools = await requireTools(run, ['iproute2', 'nftables', 'conntrack']);
  if (values.cleanup) {
    await removeRouting(run, new LooseFilter(systemSysctls(values.sysctlDir), stateFile));
    log.info({}, 'All that route agents made on this host is gone');
    return 'done';
  }
  const clock = systemClock;
  const store = await openKubernetesStore({
    log: logging('store'),
    ...(values.kubeconfig !== undefined && { kubeconfig: userPath(environment, values.kubeconfig) }),
  });
  const cluster = await memberClusterId(store, values.clusterId, log);
  const node = values.node ?? hostname();
  const shutdown = new Shutdown({ process, log, clock });
  const agent = new RouteAgent({
    cluster,
    node,
    store,
    run,
    sysctls: systemSysctls(values.sysctlDir),
    knock,
    probes: { ...PROBE_SETTINGS, intervalMs: values.probeInterval * 1000 },
    stateFile,
    log,
    clock,
    random: Math.random,
  });
  const metrics = createMetrics(() => [...routeAgentMetrics(agent), ...storeMetrics({ member: store })]);
  const notReady = (): string | undefined => {
    if (shutdown.signal.aborted) return 'shutting down';
    if (agent.isSynced) return undefined;
    return agent.plan?.problems[0]?.message ?? `the first full lists from ${store.location} are not in yet`;
  };
  const http = await serveOrExplain(
    '--metrics-listen',
    values.metricsListen,
    healthRoutes(metrics, notReady),
  );
  log.info(
    { version, cluster, node, metrics: formatListenAddress(http), member: store.location, tools },
    'pharos route-agent is up',
  );
  shutdown.defer('store', () => store.close());
  shutdown.defer('http', () => http.close());
  // Stop is not remove: what is in the kernel goes on carrying.
  shutdown.defer('route agent', () => agent[Symbol.asyncDispose]());
  return 'running';
};
