import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parseIp } from '../api/cidr.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import { SecretText } from '../api/secret-text.ts';
import { userPath } from '../config/environment.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import type { gatewaySpec } from '../config/specs/gateway.ts';
import { requireTools } from '../host/requirements.ts';
import { runner } from '../host/run.ts';
import { systemSysctls } from '../host/sysctl.ts';
import { openJoinedBroker } from '../membership/open-broker.ts';
import { healthRoutes } from '../observability/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import { systemClock } from '../runtime/clock.ts';
import { LeaderElection } from '../runtime/lease.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import { type KubernetesStore, openKubernetesStore } from '../store/kubernetes.ts';
import type { CableDriverName } from '../api/tunnel.ts';
import type { Self } from '../tunnel/admit.ts';
import { openDriver, toolsOf } from '../tunnel/open-driver.ts';
import { Gateway } from '../tunnel/gateway.ts';
import { gatewayMetrics } from '../tunnel/metrics.ts';
import { GATEWAY_LEASE, GATEWAY_LEASE_TIMES, KEY_KEEP_MS } from '../tunnel/settings.ts';
import { Tunnels } from '../tunnel/tunnels.ts';
import { memberClusterId } from './cluster-id.ts';
import type { Run } from './command.ts';
import { loggingTo } from './logging.ts';
import { serveOrExplain } from './serve.ts';
import { storeMetrics } from './store-metrics.ts';
import { UserError } from './user-error.ts';

/** For all but the hand-over. */
const SHUTDOWN_MS = 5000;

export const runGateway: Run<typeof gatewaySpec> = async (values, context) => {
  const { environment, process, version } = context;
  const { cableDriver: driverName, stateDir } = values;
  const logging = loggingTo(context, values);
  const log = logging('gateway');
  const clock = systemClock;
  const run = runner();
  await requireTools(run, toolsOf(driverName));
  const host = { run, log: logging('driver'), clock, stateDir };
  if (values.cleanup) {
    await Tunnels.cleanup(run, await openDriver(driverName, undefined, host));
    context.stderr.write('removed what gateways had left on this node\n');
    return 'done';
  }

  const nodeName = values.node ?? hostname();
  if (values.nodeIp === undefined) throw new UserError('--node-ip is missing: say where tunnels begin');
  if (values.podCidr.length === 0 || values.serviceCidr.length === 0) {
    throw new UserError(
      '--pod-cidr and --service-cidr are missing: say which addresses are this cluster’s own',
    );
  }
  const open = (name: string, kubeconfig: string | undefined): Promise<KubernetesStore> =>
    openKubernetesStore({
      log: logging('store', { store: name }),
      ...(kubeconfig !== undefined && { kubeconfig: userPath(environment, kubeconfig) }),
    });
  const preSharedKey =
    values.pskFile === undefined
      ? undefined
      : await readPreSharedKey(userPath(environment, values.pskFile), driverName);
  const member = await open('member', values.kubeconfig);
  const cluster = await memberClusterId(member, values.clusterId, log);
  const joined =
    values.brokerKubeconfig === undefined
      ? await openJoinedBroker({ member, cluster, clock, random: Math.random, log: logging('broker') })
      : undefined;
  if (joined === undefined && values.brokerKubeconfig === undefined) {
    throw new UserError(
      `${member.location} is no member of a clusterset: run "pharos join" first, or give --broker-kubeconfig`,
    );
  }
  const broker = joined?.store ?? (await open('broker', values.brokerKubeconfig));
  const brokerNamespace = joined?.namespace ?? values.brokerNamespace;
  const self: Self = {
    cluster,
    gateway: nodeName,
    driver: driverName,
    privateIP: parseIp(values.nodeIp),
    podCIDRs: values.podCidr,
    serviceCIDRs: values.serviceCidr,
    clustersetCIDRs: values.clustersetCidr,
  };
  const driver = await openDriver(
    driverName,
    {
      self,
      member,
      isBehindNat: values.behindNat,
      ...(preSharedKey !== undefined && { preSharedKey }),
      ...(values.natPort !== undefined && { port: values.natPort }),
    },
    host,
  );
  const election = new LeaderElection({
    store: member,
    namespace: SYSTEM_NAMESPACE,
    name: GATEWAY_LEASE,
    identity: `${nodeName}_${randomUUID()}`,
    times: GATEWAY_LEASE_TIMES,
    clock,
    random: Math.random,
    log: logging('election'),
  });
  const gateway = new Gateway({
    self,
    ...(values.publicIp !== undefined && { publicIP: parseIp(values.publicIp) }),
    port: driver.port,
    isBehindNat: values.behindNat,
    version,
    member,
    broker,
    brokerNamespace,
    election,
    driver,
    run,
    sysctls: systemSysctls(values.sysctlDir),
    times: { intervalMs: values.probeInterval * 1000, missed: values.probeMissed },
    keyTimes: {
      everyMs: values.rotateKeysEvery === 0 ? undefined : values.rotateKeysEvery * 1000,
      announceMs: values.rotateKeysAnnounce * 1000,
      keepMs: KEY_KEEP_MS,
    },
    clock,
    log,
  });
  const lingerMs = values.linger * 1000;
  const shutdown = new Shutdown({ process, log, clock, limitMs: lingerMs + SHUTDOWN_MS });
  const metrics = createMetrics(() => [...gatewayMetrics(gateway), ...storeMetrics({ member, broker })]);
  const notReady = (): string | undefined => {
    if (shutdown.signal.aborted) return 'shutting down';
    return gateway.isSynced ? undefined : `the first full lists from ${member.location} are not in yet`;
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
      gateway: nodeName,
      driver: driverName,
      metrics: formatListenAddress(http),
      member: member.location,
      broker: broker.location,
    },
    'pharos gateway is up',
  );
  const ending = new AbortController();
  const working = gateway.run(ending.signal, shutdown.signal);
  const keeping = joined?.keep(() => gateway.leads, shutdown.signal);
  shutdown.defer('stores', () => {
    member.close();
    broker.close();
  });
  shutdown.defer('broker token', async () => {
    await keeping;
  });
  shutdown.defer('http', () => http.close());
  shutdown.defer('gateway', () => {
    ending.abort();
    return working;
  });
  if (lingerMs > 0) shutdown.defer('hand-over', () => gateway.handOver(lingerMs));
  return 'running';
};

/** NIST SP 800-63B asks of a secret that is looked up, never typed, for 112 bits at least. */
const LEAST_PSK_BYTES = 20;

async function readPreSharedKey(file: string, driver: CableDriverName): Promise<SecretText> {
  if (driver !== 'ipsec') throw new UserError(`--psk-file is for --cable-driver ipsec, not for ${driver}`);
  let key: string;
  try {
    key = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new UserError(`Cannot read --psk-file: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(key) < LEAST_PSK_BYTES) {
    throw new UserError(
      `The key in ${file} has ${Buffer.byteLength(key)} bytes; use ${LEAST_PSK_BYTES} or more, such as of "openssl rand -base64 32"`,
    );
  }
  return new SecretText(key);
}
