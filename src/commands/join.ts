import { userPath } from '../config/environment.ts';
import type { Values } from '../config/flag.ts';
import type { joinSpec } from '../config/specs/join.ts';
import { planStub } from '../membership/cluster-dns.ts';
import { applyDnsChanges, untilRestarted } from '../membership/dns-change.ts';
import { clusterIdOf } from '../membership/cluster-id.ts';
import { componentsFor, dnsAddresses, shippedComponents, untilRunning } from '../membership/components.ts';
import { stubBlocks } from '../membership/corefile.ts';
import { shippedDefinitions } from '../membership/definitions.ts';
import { applyAll } from '../membership/deploy.ts';
import { labelGateways } from '../membership/gateway-nodes.ts';
import { join, planJoin } from '../membership/join.ts';
import { checkPreflight, expectPassed, type PreflightFacts } from '../membership/preflight/check.ts';
import { readPreflightFacts } from '../membership/preflight/read-facts.ts';
import { manifestsYaml } from '../membership/yaml.ts';
import { systemClock } from '../runtime/clock.ts';
import { loadKubeAddress } from '../store/kube-address.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

/** The zones that the shipped DNS server answers for. */
const ZONES = ['clusterset.local'] as const;

export const runJoin: Run<typeof joinSpec> = async (values, context) => {
  const { brokerKubeconfig, brokerNamespace, brokerServer, dryRun, gateway } = values;
  const { environment, stdout, stderr } = context;
  if (brokerKubeconfig === undefined) {
    throw new UserError('--broker-kubeconfig FILE is missing; name it even where the broker is this cluster');
  }
  if (values.clustersetIps === 'on' && !gateway) {
    throw new UserError('--clusterset-ips=on needs route agents on every node: give --gateway, too');
  }
  const kept = await loadKubeAddress(userPath(environment, brokerKubeconfig));
  const address = brokerServer === undefined ? kept : { ...kept, server: brokerServer };
  using member = await openCluster(values.kubeconfig, context);
  using broker = await openCluster(brokerKubeconfig, context);
  const cluster = await clusterIdOf(member.store, values.clusterId);
  const deps = {
    broker: broker.store,
    member: member.store,
    definitions: await shippedDefinitions(),
    clock: systemClock,
  };
  const shipped = gateway ? await shippedComponents('member', 'host') : await shippedComponents('member');
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const plan = await planJoin(deps, { cluster, brokerNamespace, address });
  const facts = await readPreflightFacts(
    { member: member.store, broker: broker.store },
    {
      cluster,
      brokerNamespace,
      brokerManifests: plan.brokerManifests,
      memberManifests: [...plan.memberManifests, ...(values.components ? shipped : [])],
      zones: ZONES,
      podCidrs: values.podCidr,
      serviceCidrs: values.serviceCidr,
      clustersetCidrs: values.clustersetCidr,
      gatewayNodes: values.gatewayNode,
      wants: {
        tunnels: gateway,
        clusterDns: values.configureClusterDns,
        clustersetIps: values.clustersetIps === 'on',
        reverseZones: values.reverseZones,
      },
    },
  );
  const findings = checkPreflight(facts);
  expectPassed(findings);
  for (const { level, text } of findings) say(level === 'fine' ? text : `${level}: ${text}`);
  const components = values.components
    ? componentsFor(shipped, {
        cluster,
        image: values.image,
        hostImage: values.hostImage,
        variables: gateway ? hostVariables(values, facts) : {},
      })
    : [];
  if (dryRun) {
    stdout.write(manifestsYaml(`On the broker, ${broker.store.location}`, plan.brokerManifests));
    stdout.write('---\n');
    stdout.write(
      manifestsYaml(
        `In the member, ${member.store.location}; and Secret pharos-system/pharos-broker with the address ` +
          `${address.server} and a token that the broker issues then`,
        [...plan.memberManifests, ...components],
      ),
    );
    return 'done';
  }
  const { token, credentials } = await join(deps, plan);
  if (isLoopback(address.server)) {
    say(
      `warning: ${address.server} reaches the broker only on the broker's own host; if the members' pods run ` +
        'elsewhere, join again with --broker-server URL',
    );
  }
  say(
    `${member.store.location} is member "${cluster}" of ${address.server}, namespace ${brokerNamespace}; its token ` +
      `${token === 'kept' ? 'is still good' : 'was issued now'}, ends ${new Date(credentials.expiresAt).toISOString()} ` +
      'and is renewed before. See all members: pharos broker show',
  );
  if (components.length === 0) return 'done';
  await labelGateways(member.store, gateway ? values.gatewayNode : []);
  await applyAll(member.store, components);
  const timeoutMs = values.timeout * 1000;
  await untilRunning(member.store, components, { clock: systemClock, timeoutMs, onProgress: say });
  const stub = { zones: facts.stubZones, servers: await dnsAddresses(member.store) };
  if (values.configureClusterDns) {
    const changes = await planStub(member.store, stub);
    await applyDnsChanges(member.store, changes, { backup: true });
    await untilRestarted(member.store, changes, { clock: systemClock, timeoutMs, onProgress: say });
    say(
      `cluster DNS sends ${stub.zones.join(', ')} to ${stub.servers.join(' ')}` +
        (changes.some(({ restarts }) => restarts === undefined)
          ? ' as soon as it reads its configuration again'
          : ''),
    );
  } else {
    say(
      `cluster DNS must send the zone there, in CoreDNS's Corefile (or join with --configure-cluster-dns):\n`,
    );
    say(stubBlocks(stub));
  }
  if (gateway && values.reverseZones && facts.others.length > 0) {
    const clusters = facts.others.map(({ cluster: other }) => other).join(', ');
    say(
      `cluster DNS of ${clusters} does not know reverse names of this cluster's pods yet: run ` +
        '"pharos join --configure-cluster-dns" there again once the gateways here run ("pharos diagnose" names what lacks)',
    );
  }
  say(
    'Now export a service: pharos export NAME -n NAMESPACE, and every member resolves ' +
      `NAME.NAMESPACE.svc.${ZONES[0]}`,
  );
  return 'done';
};

/** What gateways, route agents and, for clusterset IPs, agent and DNS server read, as the chart has it. */
function hostVariables(
  { cableDriver, clustersetIps, clustersetCidr }: Values<typeof joinSpec>,
  { pods, services }: PreflightFacts,
): Record<string, string> {
  return {
    ...(pods.is === 'found' && { PHAROS_POD_CIDR: pods.networks.join(',') }),
    ...(services.is === 'found' && { PHAROS_SERVICE_CIDR: services.networks.join(',') }),
    PHAROS_CABLE_DRIVER: cableDriver,
    PHAROS_CLUSTERSET_CIDR: clustersetCidr.join(','),
    PHAROS_CLUSTERSET_IPS: clustersetIps,
  };
}

function isLoopback(server: string): boolean {
  const { hostname } = new URL(server);
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
