import { StoreError } from './store.ts';
import { loadKubeAccess } from './kube-access.ts';

/** How to reach an API server and know that it is the right one, without saying as whom. */
export interface KubeAddress {
  /** `https://host:port` */
  readonly server: string;
  /** PEM; absent where the server's certificate is one that everybody trusts. */
  readonly certificateAuthority?: string;
  /** The name in the server's certificate, where it is not the host of `server`. */
  readonly tlsServerName?: string;
}

/**
 * The address in a kubeconfig's current context.
 *
 * @throws StoreError `invalid` where the kubeconfig can't be used, or does not check the server's certificate
 */
export async function loadKubeAddress(kubeconfig: string): Promise<KubeAddress> {
  const access = await loadKubeAccess(kubeconfig);
  const { ca, servername, rejectUnauthorized } = await access.options();
  if (rejectUnauthorized === false) {
    throw new StoreError(
      'invalid',
      `Cannot use kubeconfig "${kubeconfig}": it does not check the server's certificate ` +
        '(insecure-skip-tls-verify), and others are to trust this address; give certificate-authority-data',
    );
  }
  return {
    server: access.server.href.replace(/\/$/, ''),
    ...(ca === undefined ? {} : { certificateAuthority: String(ca) }),
    ...(servername === undefined ? {} : { tlsServerName: servername }),
  };
}
