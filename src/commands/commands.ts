import { setFlagsFromString } from 'node:v8';
import type { CommandSpec } from '../config/flag.ts';
import { agentSpec } from '../config/specs/agent.ts';
import { brokerDeploySpec } from '../config/specs/broker-deploy.ts';
import { brokerRemoveClusterSpec } from '../config/specs/broker-remove-cluster.ts';
import { brokerShowSpec } from '../config/specs/broker-show.ts';
import { completionSpec } from '../config/specs/completion.ts';
import { benchmarkSpec } from '../config/specs/benchmark.ts';
import { diagnoseSpec } from '../config/specs/diagnose.ts';
import { probeAskSpec } from '../config/specs/probe-ask.ts';
import { probeLookSpec } from '../config/specs/probe-look.ts';
import { probeServeSpec } from '../config/specs/probe-serve.ts';
import { verifySpec } from '../config/specs/verify.ts';
import { dnsSpec } from '../config/specs/dns.ts';
import { explainSpec } from '../config/specs/explain.ts';
import { exportSpec } from '../config/specs/export.ts';
import { gatewaySpec } from '../config/specs/gateway.ts';
import { gatewayRotateKeysSpec } from '../config/specs/gateway-rotate-keys.ts';
import { gatewayDrainSpec } from '../config/specs/gateway-drain.ts';
import { joinSpec } from '../config/specs/join.ts';
import { leaveSpec } from '../config/specs/leave.ts';
import { migrateLighthouseSpec } from '../config/specs/migrate-lighthouse.ts';
import { playgroundSpec } from '../config/specs/playground.ts';
import { routeAgentSpec } from '../config/specs/route-agent.ts';
import { uiSpec } from '../config/specs/ui.ts';
import { unexportSpec } from '../config/specs/unexport.ts';
import { drainSpec } from '../config/specs/drain.ts';
import { showClustersSpec } from '../config/specs/show-clusters.ts';
import { showConnectionsSpec } from '../config/specs/show-connections.ts';
import { showEndpointsSpec } from '../config/specs/show-endpoints.ts';
import { showGatewaysSpec } from '../config/specs/show-gateways.ts';
import { showServicesSpec } from '../config/specs/show-services.ts';
import { undrainSpec } from '../config/specs/undrain.ts';
import type { Run } from './command.ts';

/** Loads what a command takes, which is much for some of them. */
type Load<S extends CommandSpec = CommandSpec> = () => Promise<Run<S>>;

/** Ties a command's data to what it does, so that the types of the flags reach it. */
const entry = <S extends CommandSpec>(spec: S, load: Load<S>): [CommandSpec, Load] => [
  spec,
  load as unknown as Load,
];

/** For what stands on every node and has little to do. */
function preferMemory(): void {
  setFlagsFromString('--optimize-for-size');
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** What each command does. */
export const commands: ReadonlyMap<CommandSpec, Load> = new Map([
  entry(playgroundSpec, async () => {
    // A laptop's memory counts for more here than the last queries per second.
    setFlagsFromString('--optimize-for-size');
    return (await import('./playground.ts')).runPlayground;
  }),
  entry(dnsSpec, async () => {
    // Else V8 takes 100 MB for young objects at the first full list, and keeps them. What answers makes hardly any.
    setFlagsFromString('--semi-space-growth-factor=1');
    return (await import('./dns.ts')).runDns;
  }),
  entry(agentSpec, async () => (await import('./agent.ts')).runAgent),
  entry(routeAgentSpec, async () => {
    preferMemory();
    return (await import('./route-agent.ts')).runRouteAgent;
  }),
  entry(gatewaySpec, async () => {
    preferMemory();
    return (await import('./gateway.ts')).runGateway;
  }),
  entry(gatewayRotateKeysSpec, async () => (await import('./gateway-rotate-keys.ts')).runGatewayRotateKeys),
  entry(gatewayDrainSpec, async () => (await import('./gateway-drain.ts')).runGatewayDrain),
  entry(brokerDeploySpec, async () => (await import('./broker-deploy.ts')).runBrokerDeploy),
  entry(brokerShowSpec, async () => (await import('./broker-show.ts')).runBrokerShow),
  entry(
    brokerRemoveClusterSpec,
    async () => (await import('./broker-remove-cluster.ts')).runBrokerRemoveCluster,
  ),
  entry(joinSpec, async () => (await import('./join.ts')).runJoin),
  entry(leaveSpec, async () => (await import('./leave.ts')).runLeave),
  entry(migrateLighthouseSpec, async () => (await import('./migrate-lighthouse.ts')).runMigrateLighthouse),
  entry(exportSpec, async () => (await import('./export.ts')).runExport),
  entry(unexportSpec, async () => (await import('./unexport.ts')).runUnexport),
  entry(explainSpec, async () => (await import('./explain.ts')).runExplain),
  entry(showClustersSpec, async () => (await import('./show-clusters.ts')).runShowClusters),
  entry(showServicesSpec, async () => (await import('./show-services.ts')).runShowServices),
  entry(showGatewaysSpec, async () => (await import('./show-gateways.ts')).runShowGateways),
  entry(showConnectionsSpec, async () => (await import('./show-gateways.ts')).runShowConnections),
  entry(showEndpointsSpec, async () => (await import('./show-endpoints.ts')).runShowEndpoints),
  entry(drainSpec, async () => (await import('./drain.ts')).runDrain),
  entry(undrainSpec, async () => (await import('./undrain.ts')).runUndrain),
  entry(diagnoseSpec, async () => (await import('./diagnose.ts')).runDiagnose),
  entry(uiSpec, async () => (await import('./ui.ts')).runUi),
  entry(verifySpec, async () => (await import('./verify.ts')).runVerify),
  entry(benchmarkSpec, async () => (await import('./benchmark.ts')).runBenchmark),
  entry(probeServeSpec, async () => (await import('./probe-serve.ts')).runProbeServe),
  entry(probeAskSpec, async () => (await import('./probe-ask.ts')).runProbeAsk),
  entry(probeLookSpec, async () => (await import('./probe-look.ts')).runProbeLook),
  entry(completionSpec, async () => (await import('./completion.ts')).runCompletion),
]);
