import { join } from 'node:path';
import { apiServerArgs, controllerManagerArgs } from './control-plane.ts';
import { installCrds } from './crds.ts';
import { applyWith, makeKubectl, type Kubectl } from './kubectl.ts';
import { makePki, type Pki } from './pki.ts';
import { freePort } from './ports.ts';
import { Daemon } from './processes.ts';
import { Rest } from './rest.ts';
import { GivenUp, until } from './wait.ts';
import type { Subject } from './x509.ts';

/** A real kube-apiserver with RBAC on and the MCS CRDs, and nothing behind it: no nodes, no pods. */
export interface ApiServer {
  readonly name: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly url: string;
  readonly kubectl: Kubectl;
  /** `kubectl apply` of YAML text or objects; rejects where it is refused. */
  apply(manifests: string | readonly object[]): Promise<string>;
  /** Path of a new kubeconfig for a user with a client certificate: may do what RBAC grants to the name or the groups. */
  kubeconfigFor(subject: Subject): Promise<string>;
  /** Ends the server in order (SIGTERM); the data stay. Repeatable. */
  stop(): Promise<void>;
  /** Ends it at once (SIGKILL); the data stay. Repeatable. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data; resolves when it is ready. */
  start(): Promise<void>;
}

export interface ApiServerOptions {
  /**
   * Runs the controller manager as well. Without it no namespace is ever finally deleted or has a service
   * account, no dependent is collected, no Service gets EndpointSlices, and the roles that are
   * aggregated from others (admin, edit, view) grant nothing.
   */
  readonly controllers?: boolean;
}

interface ApiServerDeps {
  /** Id of the lab. */
  readonly lab: string;
  readonly dir: string;
  readonly etcdUrl: string;
  readonly binaries: Readonly<Record<'kube-apiserver' | 'kubectl', string>>;
  /** Only where the controller manager is wanted. */
  readonly controllerManager: string | undefined;
  readonly crds: readonly string[];
}

const serviceCidr = '10.0.0.0/16';

/** Polls `/readyz` until it is well; a server that has ended meanwhile is an error with the end of its log. */
export async function waitReady(rest: Rest, server: Daemon): Promise<void> {
  await until(
    `${server.name} ready`,
    60_000,
    async () => {
      if (!server.running) throw new GivenUp(`${server.name} has ended:\n${server.tail()}`);
      const { status, body } = await rest.send('GET', '/readyz');
      if (status !== 200) throw new Error(body);
      return true;
    },
    100,
  );
}

export async function startApiServer(name: string, deps: ApiServerDeps): Promise<ApiServer> {
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const pki: Pki = await makePki(join(deps.dir, 'pki'), name, [
    '127.0.0.1',
    'localhost',
    'kubernetes.default.svc',
  ]);
  const kubeconfig = await pki.writeKubeconfig('admin.kubeconfig', url, {
    user: 'admin',
    groups: ['system:masters'],
  });
  const daemon = (binary: string, args: readonly string[], part: string): Daemon =>
    new Daemon(binary, args, `${part} of ${name}`, {
      lab: deps.lab,
      logFile: join(deps.dir, 'log', `${part}.log`),
    });
  const startServer = (): Daemon =>
    daemon(
      deps.binaries['kube-apiserver'],
      apiServerArgs({
        pki,
        etcdUrl: deps.etcdUrl,
        etcdPrefix: `/${name}`,
        listen: '127.0.0.1',
        advertise: '127.0.0.1',
        port,
        serviceCidr,
        nodes: false,
      }),
      'kube-apiserver',
    );

  let server = startServer();
  using rest = new Rest(url, pki.authority.certificate, pki.admin);
  await waitReady(rest, server);
  await installCrds(rest, deps.crds);
  if (deps.controllerManager !== undefined) {
    daemon(
      deps.controllerManager,
      controllerManagerArgs({
        pki,
        kubeconfig: await pki.writeKubeconfig('controller-manager.kubeconfig', url, {
          user: 'system:kube-controller-manager',
        }),
        securePort: await freePort(),
        podCidr: '10.1.0.0/16',
        serviceCidr,
        pluginDir: join(deps.dir, 'volume-plugins'),
      }),
      'kube-controller-manager',
    );
  }

  const kubectl = makeKubectl(deps.binaries.kubectl, kubeconfig, join(deps.dir, 'kubectl'));
  return {
    name,
    kubeconfig,
    url,
    kubectl,
    apply: (manifests) => applyWith(kubectl, manifests),
    kubeconfigFor: (subject) =>
      pki.writeKubeconfig(`${subject.user.replace(/[^\w.-]/g, '-')}.kubeconfig`, url, subject),
    stop: () => server.stop('SIGTERM'),
    kill: () => server.stop('SIGKILL'),
    async start() {
      if (server.running) return;
      server = startServer();
      using probe = new Rest(url, pki.authority.certificate, pki.admin);
      await waitReady(probe, server);
    },
  };
}
