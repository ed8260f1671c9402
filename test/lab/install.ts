import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FabricApiServer } from './api-server.ts';
import { ensureBinaries } from './binaries.ts';
import type { Cluster } from './cluster.ts';
import { command } from './command.ts';
import { image } from './images.ts';
import type { Lab } from './lab.ts';
import { cleanEnvironment } from './processes.ts';

const project = join(import.meta.dirname, '..', '..');
const chart = join(project, 'deploy', 'charts', 'pharos');

/** Pharos in a cluster as users install it: by its chart, in pods, with the rights and restrictions that it ships with. */
export interface Installation {
  readonly cluster: Cluster;
  /** Changes values of the chart, as `--set` takes them, and keeps the others; resolves when all of it runs. */
  set(values: Readonly<Record<string, string>>): Promise<void>;
}

/** The address that {@link installPharos} gives the Service of `pharos dns`, for a stub domain from the start. */
export const dnsServiceIp = (clusterDnsIp: string): string => clusterDnsIp.replace(/\.10$/, '.53');

/**
 * Makes the clusters members of one clusterset on a fresh broker, and installs Pharos with gateways and route
 * agents in them. The images must be on the nodes, and gateway nodes labelled. Resolves when all pods are ready.
 */
export async function installPharos(
  lab: Lab,
  broker: FabricApiServer,
  clusters: readonly Cluster[],
  values: Readonly<Record<string, string>> = {},
): Promise<Installation[]> {
  const { helm } = await ensureBinaries(['helm']);
  await pharos('broker', 'deploy', `--kubeconfig=${broker.kubeconfig}`);
  return Promise.all(
    clusters.map(async (cluster) => {
      await pharos(
        'join',
        `--cluster-id=${cluster.name}`,
        `--kubeconfig=${cluster.kubeconfig}`,
        `--broker-kubeconfig=${broker.kubeconfig}`,
        `--broker-server=${broker.fabricUrl}`,
        '--no-components',
      );
      const home = join(lab.dir, cluster.name, 'helm');
      await mkdir(home, { recursive: true });
      const all = new Map(
        Object.entries({
          clusterId: cluster.name,
          'image.repository': repository(image.pharos),
          'image.hostRepository': repository(image.pharosHost),
          'image.tag': 'lab',
          podCIDRs: list(cluster.podCidrs),
          serviceCIDRs: list(cluster.serviceCidrs),
          'dns.clusterIP': dnsServiceIp(cluster.dnsServiceIp),
          'gateway.enabled': 'true',
          'routeAgent.enabled': 'true',
          ...values,
        }),
      );
      const upgrade = async (): Promise<void> => {
        const sets = [...all].map(([name, value]) => `--set=${name}=${value}`);
        const args = ['upgrade', '--install', 'pharos', chart, '--namespace=pharos-system', ...sets];
        const env = { ...cleanEnvironment(), HOME: home, KUBECONFIG: cluster.kubeconfig };
        await must(helm, [...args, '--wait', '--timeout=600s'], env);
      };
      await upgrade();
      return {
        cluster,
        async set(changes) {
          for (const [name, value] of Object.entries(changes)) all.set(name, value);
          await upgrade();
        },
      };
    }),
  );
}

const repository = (reference: string): string => reference.slice(0, reference.lastIndexOf(':'));
const list = (values: readonly string[]): string => `{${values.join(',')}}`;

/** `pharos` of this checkout. */
const pharos = (...args: string[]): Promise<string> =>
  must(process.execPath, [join(project, 'src', 'cli.ts'), ...args], cleanEnvironment());

async function must(file: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await command(file, args, { env });
  if (code !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}
