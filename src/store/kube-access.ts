import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { StoreError } from './store.ts';

/** How to reach one API server, and as whom. */
export interface KubeAccess {
  readonly server: URL;
  /**
   * TLS material and headers for the next request; tokens are fetched and renewed on the way. `agent` is
   * set only where a proxy is in between.
   */
  options(): Promise<RequestOptions>;
  /** The server did not accept the credentials: read them again from where they come from. */
  reload(): Promise<void>;
}

/**
 * Access by a kubeconfig file's current context, or without a path by the service account that Kubernetes
 * gives each pod.
 *
 * @throws StoreError `invalid` that says in one line what is wrong with the file and what to do
 */
export async function loadKubeAccess(kubeconfig: string | undefined): Promise<KubeAccess> {
  // Imported only here: loading it takes longer and more memory than all of Pharos.
  const { KubeConfig: Config } = await import('./kube-config.ts');
  const load = async (): Promise<KubeConfig> => {
    const config = new Config();
    if (kubeconfig === undefined) config.loadFromCluster();
    else loadFile(config, kubeconfig, await readText(kubeconfig));
    return config;
  };
  let config = await load();
  const server = serverOf(config, kubeconfig);
  return {
    server,
    async options() {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      // Its agents keep neither connections nor pace with renewed certificates; ours do both.
      if (config.getCurrentCluster()?.proxyUrl === undefined) delete options.agent;
      return options;
    },
    async reload() {
      config = await load();
    },
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw unusable(path, code === 'ENOENT' ? 'there is no such file' : `it can not be read (${code})`, cause);
  }
}

function loadFile(config: KubeConfig, path: string, text: string): void {
  try {
    config.loadFromString(text);
  } catch (cause) {
    const [reason = ''] = text.trim() === '' ? ['it is empty'] : (cause as Error).message.split('\n');
    throw unusable(path, `it is not a kubeconfig: ${reason}`, cause);
  }
  config.makePathsAbsolute(path.replace(/[^/]*$/, '') || '.');
}

/** The current cluster's address, after everything that a request will need has been found in the file. */
function serverOf(config: KubeConfig, path: string | undefined): URL {
  const server = config.getCurrentCluster()?.server;
  if (path === undefined) {
    if (server !== undefined && URL.canParse(server)) return new URL(server);
    throw new StoreError(
      'invalid',
      'Cannot find a Kubernetes API server: this process does not run in a pod; name a kubeconfig file (--kubeconfig FILE)',
    );
  }
  const context = config.getContextObject(config.getCurrentContext());
  if (context === null) {
    const name: unknown = config.getCurrentContext();
    const names = config.getContexts().map(({ name }) => name);
    throw unusable(
      path,
      (typeof name === 'string' && name !== ''
        ? `its current-context "${name}" is not in it`
        : 'it has no current-context') +
        `; choose one with: kubectl --kubeconfig ${path} config use-context ${names.join('|') || 'NAME'}`,
    );
  }
  if (server === undefined)
    throw unusable(path, `its context names the cluster "${context.cluster}", which is not in it`);
  if (config.getCurrentUser() === null) {
    throw unusable(path, `its context names the user "${context.user}", who is not in it`);
  }
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw unusable(
      path,
      `the server of cluster "${context.cluster}" is "${server}", must be an https:// URL`,
    );
  }
  if (server.startsWith('http:') && config.getCurrentCluster()?.skipTLSVerify !== true) {
    throw unusable(
      path,
      `the server of cluster "${context.cluster}" is "${server}", must be https:// unless insecure-skip-tls-verify is true`,
    );
  }
  return new URL(server);
}

function unusable(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError('invalid', `Cannot use kubeconfig "${path}": ${why}`, { cause });
}
