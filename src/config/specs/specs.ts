import type { CommandSpec } from '../flag.ts';
import { agentSpec } from './agent.ts';
import { brokerDeploySpec } from './broker-deploy.ts';
import { brokerRemoveClusterSpec } from './broker-remove-cluster.ts';
import { brokerShowSpec } from './broker-show.ts';
import { completionSpec } from './completion.ts';
import { benchmarkSpec } from './benchmark.ts';
import { diagnoseSpec } from './diagnose.ts';
import { probeAskSpec } from './probe-ask.ts';
import { probeLookSpec } from './probe-look.ts';
import { probeServeSpec } from './probe-serve.ts';
import { verifySpec } from './verify.ts';
import { dnsSpec } from './dns.ts';
import { explainSpec } from './explain.ts';
import { exportSpec } from './export.ts';
import { gatewaySpec } from './gateway.ts';
import { gatewayDrainSpec } from './gateway-drain.ts';
import { gatewayRotateKeysSpec } from './gateway-rotate-keys.ts';
import { joinSpec } from './join.ts';
import { leaveSpec } from './leave.ts';
import { migrateLighthouseSpec } from './migrate-lighthouse.ts';
import { playgroundSpec } from './playground.ts';
import { routeAgentSpec } from './route-agent.ts';
import { uiSpec } from './ui.ts';
import { unexportSpec } from './unexport.ts';
import { drainSpec } from './drain.ts';
import { showClustersSpec } from './show-clusters.ts';
import { showConnectionsSpec } from './show-connections.ts';
import { showEndpointsSpec } from './show-endpoints.ts';
import { showGatewaysSpec } from './show-gateways.ts';
import { showServicesSpec } from './show-services.ts';
import { undrainSpec } from './undrain.ts';

/** Every command there is, in the order of the help. */
export const specs: readonly CommandSpec[] = [
  playgroundSpec,
  dnsSpec,
  agentSpec,
  routeAgentSpec,
  gatewaySpec,
  gatewayDrainSpec,
  gatewayRotateKeysSpec,
  brokerDeploySpec,
  brokerShowSpec,
  brokerRemoveClusterSpec,
  joinSpec,
  leaveSpec,
  migrateLighthouseSpec,
  exportSpec,
  unexportSpec,
  explainSpec,
  showClustersSpec,
  showServicesSpec,
  showGatewaysSpec,
  showConnectionsSpec,
  showEndpointsSpec,
  drainSpec,
  undrainSpec,
  diagnoseSpec,
  uiSpec,
  verifySpec,
  benchmarkSpec,
  probeServeSpec,
  probeAskSpec,
  probeLookSpec,
  completionSpec,
];
