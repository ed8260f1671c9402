/**
 * The lab by hand. `npm run lab` brings up a broker and two clusters with Pharos in them and stays until
 * Ctrl-C; `npm run lab -- --help` tells the rest.
 */
import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { allBinaries, clusterBinaries, ensureBinaries, ensureCrds } from './binaries.ts';
import { image } from './images.ts';
import { openLab, whyNoClusters } from './lab.ts';
import { deployPharos, pharosCorefile } from './pharos.ts';
import { sweep } from './run.ts';

const usage = `Usage: npm run lab [-- COMMAND [OPTIONS]]

  up      (the default) a broker and the clusters west and east with Pharos, until Ctrl-C; takes root
            --nodes N          nodes of each cluster (1)
            --dual-stack       IPv4 and IPv6
            --proxy-mode MODE  nftables (the default) or iptables
  build   build what the cache lacks of Kubernetes, etcd, CoreDNS and Helm: about 12 minutes at first
  down    take away what labs left that were killed together with their watchdog
`;

const log = (text: string): void => void process.stderr.write(`lab: ${text}\n`);

interface UpOptions {
  readonly nodes: number;
  readonly dualStack: boolean;
  readonly proxyMode: 'nftables' | 'iptables';
}

async function up(options: UpOptions): Promise<void> {
  const reason = await whyNoClusters();
  if (reason !== undefined) throw new Error(reason);
  const { kubectl } = await ensureBinaries(clusterBinaries);
  await using lab = await openLab({ name: 'hand' });
  log('starting broker, west and east');
  const [broker, west, east] = await Promise.all([
    lab.fabricApi('broker', { controllers: true }),
    lab.cluster('west', { ...options, corefile: pharosCorefile }),
    lab.cluster('east', { ...options, corefile: pharosCorefile }),
  ]);
  log('starting pharos agent and pharos dns in west and in east');
  const members = await deployPharos(broker, [west, east]);
  const client = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client', namespace: 'shop' },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'client', image: image.tools }] },
  };
  for (const { cluster } of members) {
    await cluster.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }]);
    await cluster.apply([client]);
  }
  const shell = join(lab.dir, 'shell');
  await writeFile(
    shell,
    [broker, west, east]
      .map(({ name, kubeconfig }) => `${name}() { ${kubectl} --kubeconfig ${kubeconfig} "$@"; }\n`)
      .join(''),
  );
  console.log(`
The lab is up; Ctrl-C takes it down. Kubeconfigs:

  broker  ${broker.kubeconfig}
  west    ${west.kubeconfig}
  east    ${east.kubeconfig}

In another terminal, kubectl for each of them:

  source ${shell}

Run a web server in west, export it, and call it from a pod in east:

  west -n shop create deployment web --image=${image.whoami}
  west -n shop expose deployment web --port=80 --target-port=8080
  west -n shop apply -f - <<'END'
  {"apiVersion": "multicluster.x-k8s.io/v1beta1", "kind": "ServiceExport", "metadata": {"name": "web"}}
  END
  east -n shop exec client -- curl -s http://web.shop.svc.clusterset.local/
  east -n shop exec client -- dig web.shop.svc.clusterset.local
  west -n shop get serviceexport web -o yaml
  east -n shop get serviceimport,endpointslice

Logs of Pharos:

${members.map(({ agent, dns }) => `  ${agent.logFile}\n  ${dns.logFile}`).join('\n')}
`);
  // Before this, Ctrl-C ends this process, and the watchdog cleans up.
  const alive = setInterval(() => {}, 3_600_000);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  clearInterval(alive);
  log('taking the lab down');
}

/** @returns the exit status */
async function main(args: readonly string[]): Promise<number> {
  const wrong = (problem: string): number => {
    process.stderr.write(`npm run lab: ${problem}\n\n${usage}`);
    return 2;
  };
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        nodes: { type: 'string', default: '1' },
        'dual-stack': { type: 'boolean', default: false },
        'proxy-mode': { type: 'string', default: 'nftables' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const [command = 'up', ...rest] = positionals;
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (rest.length > 0) return wrong(`too many words: ${rest.join(' ')}`);
  switch (command) {
    case 'up': {
      const nodes = Number(values.nodes);
      const proxyMode = values['proxy-mode'];
      if (!Number.isInteger(nodes) || nodes < 1 || nodes > 9) {
        return wrong(`--nodes is "${values.nodes}", must be 1 to 9`);
      }
      if (proxyMode !== 'nftables' && proxyMode !== 'iptables') {
        return wrong(`--proxy-mode is "${proxyMode}", must be nftables or iptables`);
      }
      await up({ nodes, dualStack: values['dual-stack'], proxyMode });
      return 0;
    }
    case 'build':
      await ensureBinaries(allBinaries);
      await ensureCrds();
      return 0;
    case 'down': {
      const swept = await sweep();
      log(swept.length > 0 ? `took away ${swept.join(', ')}` : 'nothing was left');
      return 0;
    }
    default:
      return wrong(`there is no command "${command}"`);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
