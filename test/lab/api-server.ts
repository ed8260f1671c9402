import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditedRequest, auditPolicy, readAuditLog } from './audit-log.ts';
import { apiServerArgs, controllerManagerArgs } from './control-plane.ts';
import { installCrds } from './crds.ts';
import { applyWith, makeKubectl, type Kubectl } from './kubectl.ts';
import { makePki, type Pki } from './pki.ts';
import { freePort } from './ports.ts';
import { Daemon } from './processes.ts';
import { waitReady } from './ready.ts';
import { Rest } from './rest.ts';
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
  /** All requests so far, in order of arrival, those before a restart included. Takes the option `audit`. */
  requests(): Promise<AuditedRequest[]>;
}

export interface ApiServerOptions {
  /**
   * Runs the controller manager as well. Without it no namespace is ever finally deleted or has a service
   * account, no dependent is collected, no Service gets EndpointSlices, and the roles that are
   * aggregated from others (admin, edit, view) grant nothing.
   */
  readonly controllers?: boolean;
  /** Whether the CRDs of the MCS API are there from the start (the default), or somebody installs them. */
  readonly crds?: boolean;
  /** Behaves as that older version of Kubernetes, such as `1.31`: its APIs and its features. */
  readonly emulatedVersion?: string;
  /** Writes down every request that the server gets: see {@link ApiServer.requests}. */
  readonly audit?: boolean;
}

/** An API server in the fabric, where the nodes and pods of all clusters reach it, and this machine as well. */
export interface FabricApiServer extends ApiServer {
  /** The URL for processes in the fabric: those of a node's `spawn`, and pods. */
  readonly fabricUrl: string;
  /** Path of the administrator's kubeconfig with that URL. */
  readonly fabricKubeconfig: string;
  /** Like `kubeconfigFor`, with that URL. */
  fabricKubeconfigFor(subject: Subject): Promise<string>;
}

/** Where an API server runs and how it is reached. */
export interface ApiPlace {
  readonly listen: string;
  readonly port: number;
  /** As this machine calls it: the server itself, or a relay to it. */
  readonly url: string;
  readonly etcdUrl: string;
  /** A command line that runs this one there. */
  readonly enter: (args: readonly [string, ...string[]]) => readonly [string, ...string[]];
}

export interface ApiServerDeps {
  /** Id of the lab. */
  readonly lab: string;
  readonly dir: string;
  readonly place: ApiPlace;
  readonly binaries: Readonly<Record<'kube-apiserver' | 'kubectl', string>>;
  /** Only where the controller manager is wanted. */
  readonly controllerManager: string | undefined;
  readonly audit: boolean;
  readonly crds: readonly string[];
  readonly emulatedVersion: string | undefined;
}

const serviceCidr = '10.0.0.0/16';

const admin: Subject = { user: 'admin', groups: ['system:masters'] };

/** A file name for a user's kubeconfig. */
export const kubeconfigName = (prefix: string, { user }: Subject): string =>
  `${prefix}-${user.replace(/[^\w.-]/g, '-')}.kubeconfig`;

export async function startApiServer(name: string, deps: ApiServerDeps): Promise<FabricApiServer> {
  const { place } = deps;
  const pki: Pki = await makePki(join(deps.dir, 'pki'), name, [
    '127.0.0.1',
    'localhost',
    'kubernetes.default.svc',
    place.listen,
  ]);
  const fabricUrl = `https://${place.listen}:${place.port}`;
  const daemon = (part: string, command: readonly [string, ...string[]]): Daemon => {
    const [file, ...args] = place.enter(command);
    return new Daemon(file, args, `${part} of ${name}`, {
      lab: deps.lab,
      logFile: join(deps.dir, 'log', `${part}.log`),
    });
  };
  const audit = deps.audit
    ? { policyFile: join(deps.dir, 'audit-policy.json'), logFile: join(deps.dir, 'log', 'audit.log') }
    : undefined;
  if (audit !== undefined) await writeFile(audit.policyFile, JSON.stringify(auditPolicy));
  const startServer = (): Daemon =>
    daemon('kube-apiserver', [
      deps.binaries['kube-apiserver'],
      ...apiServerArgs({
        pki,
        etcdUrl: place.etcdUrl,
        etcdPrefix: `/${name}`,
        listen: place.listen,
        advertise: place.listen,
        port: place.port,
        serviceCidr,
        nodes: false,
        audit,
      }),
      ...(deps.emulatedVersion === undefined ? [] : [`--emulated-version=${deps.emulatedVersion}`]),
    ]);

  let server = startServer();
  using rest = new Rest(place.url, pki.authority.certificate, pki.admin);
  await waitReady(server.name, rest, server);
  await installCrds(rest, deps.crds);
  if (deps.controllerManager !== undefined) {
    daemon('kube-controller-manager', [
      deps.controllerManager,
      ...controllerManagerArgs({
        pki,
        kubeconfig: await pki.writeKubeconfig('controller-manager.kubeconfig', fabricUrl, {
          user: 'system:kube-controller-manager',
        }),
        securePort: await freePort(),
        podCidr: '10.1.0.0/16',
        serviceCidr,
        pluginDir: join(deps.dir, 'volume-plugins'),
      }),
    ]);
  }

  const kubeconfig = await pki.writeKubeconfig('admin.kubeconfig', place.url, admin);
  const kubectl = makeKubectl(deps.binaries.kubectl, kubeconfig, join(deps.dir, 'kubectl'));
  return {
    name,
    kubeconfig,
    url: place.url,
    fabricUrl,
    fabricKubeconfig: await pki.writeKubeconfig('fabric.kubeconfig', fabricUrl, admin),
    kubectl,
    apply: (manifests) => applyWith(kubectl, manifests),
    kubeconfigFor: (subject) => pki.writeKubeconfig(kubeconfigName('user', subject), place.url, subject),
    fabricKubeconfigFor: (subject) =>
      pki.writeKubeconfig(kubeconfigName('fabric', subject), fabricUrl, subject),
    stop: () => server.stop('SIGTERM'),
    kill: () => server.stop('SIGKILL'),
    async start() {
      if (server.running) return;
      server = startServer();
      using probe = new Rest(place.url, pki.authority.certificate, pki.admin);
      await waitReady(server.name, probe, server);
    },
    async requests() {
      if (audit === undefined) throw new Error(`${name} was not started with the option audit`);
      return readAuditLog(audit.logFile);
    },
  };
}
