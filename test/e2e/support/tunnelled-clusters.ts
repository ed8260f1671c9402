/**
 * West with a worker and two gateways, east with one node that is everything: they see each other's nodes and
 * not each other's pods, and have Pharos as its chart installs it, with gateways and route agents.
 */
import assert from 'node:assert/strict';
import type { Cluster } from '../../lab/cluster.ts';
import { image, pharosHostImage } from '../../lab/images.ts';
import { dnsServiceIp, type Installation, installPharos } from '../../lab/install.ts';
import { type Lab, whyNoClusters } from '../../lab/lab.ts';
import { type Package, requirePackages, STRONGSWAN } from '../../lab/packages.ts';
import { pharosCorefile } from '../../lab/pharos.ts';

export type ClusterName = 'west' | 'east';

/** Why there can be no such clusters here; undefined where there can. */
export const whyNoTunnelledClusters = async (packages: readonly Package[]): Promise<string | undefined> =>
  (await whyNoClusters()) ?? (await requirePackages([...STRONGSWAN, 'wireguard-tools', ...packages]));

/** Real clusters on a machine that has much else to do. */
export const PATIENCE_MS = 300_000;

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
/** A pod of one container, on a node of choice. */
const pod = (name: string, of: string, nodeName: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { app: name } },
  spec: { nodeName, terminationGracePeriodSeconds: 0, containers: [{ name, image: of }], ...more },
});
const service = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { app: name }, ipFamilyPolicy: 'PreferDualStack', ...spec },
});
const hostNetwork = { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' };

/** Of each cluster: Service `web-CLUSTER`, headless Service `db-CLUSTER`, pods `client` and `host-client`, all on its first node. */
const applications = ({ name }: Cluster): object[] => [
  pod(`web-${name}`, image.whoami, `${name}-1`),
  service(`web-${name}`, { ports: [{ port: 80, targetPort: 8080 }] }),
  pod(`db-${name}`, image.whoami, `${name}-1`),
  service(`db-${name}`, { clusterIP: 'None', ports: [{ port: 8080 }] }),
  pod('client', image.tools, `${name}-1`),
  pod('host-client', image.tools, `${name}-1`, hostNetwork),
];

export class TunnelledClusters {
  readonly west: Cluster;
  readonly east: Cluster;
  readonly #installations: readonly Installation[];

  private constructor(west: Cluster, east: Cluster, installations: readonly Installation[]) {
    this.west = west;
    this.east = east;
    this.#installations = installations;
  }

  /** @param archives of more images that both are to have */
  static async start(lab: Lab, archives: readonly Promise<string>[] = []): Promise<TunnelledClusters> {
    const images = [pharosHostImage(), ...archives];
    const options = {
      dualStack: true,
      // The one with fewer parts where every minute counts.
      podNetwork: process.env['PHAROS_TEST_LONG'] === '1' ? 'overlay' : 'host-routes',
      corefile: (_: string, dnsIp: string) => pharosCorefile(dnsServiceIp(dnsIp)),
    } as const;
    const [broker, west, east] = await Promise.all([
      lab.fabricApi('broker', { controllers: true }),
      lab.cluster('west', { ...options, nodes: 3 }),
      lab.cluster('east', options),
    ]);
    await Promise.all(
      [west, east].map(async (cluster) => {
        for (const archive of images) await cluster.loadImage(await archive);
        await cluster.apply([namespace]);
        await cluster.apply(applications(cluster));
      }),
    );
    await must(west, 'label', 'node', 'west-2', 'west-3', 'pharos.io/gateway=true');
    await must(east, 'label', 'node', 'east-1', 'pharos.io/gateway=true');
    const installations = await installPharos(lab, broker, [west, east], {
      'agent.flags.clusterset-ips': 'on',
      'agent.flags.clusterset-cidr': '{243.0.0.0/16,fd24:3::/112}',
      'agent.replicas': '1',
      'dns.replicas': '1',
      // On a busy machine a silence is the machine's, and not a gateway's death.
      'gateway.flags.probe-interval': '1s',
      'routeAgent.flags.probe-interval': '1s',
    });
    const ready = ['-n', 'shop', 'wait', '--for=condition=Ready', 'pod', '--all', '--timeout=300s'];
    await Promise.all([west, east].map((cluster) => must(cluster, ...ready)));
    return new TunnelledClusters(west, east, installations);
  }

  /** Changes values of the chart in both. */
  async set(values: Readonly<Record<string, string>>): Promise<void> {
    await Promise.all(this.#installations.map((installation) => installation.set(values)));
  }

  /** What a shell script in a pod of namespace `shop` says, line by line. */
  async inPod(cluster: ClusterName, name: string, ...script: readonly string[]): Promise<string[]> {
    const { code, stdout, stderr } = await this[cluster].exec(`shop/${name}`, [
      'sh',
      '-c',
      script.join(' && '),
    ]);
    if (code !== 0) throw new Error(`in ${name} of ${cluster}: exit ${code}: ${stderr}`);
    return stdout.trim().split('\n');
  }

  /** The values of a field, by its JSONPath. */
  async fieldOf(cluster: ClusterName, what: string, path: string, namespace = 'shop'): Promise<string[]> {
    const said = await must(this[cluster], '-n', namespace, 'get', what, '-o', `jsonpath={${path}}`);
    assert.notEqual(said, '', `${what} of ${cluster} has no ${path}`);
    return said.split(' ');
  }
}

/** What kubectl says. */
async function must(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}
