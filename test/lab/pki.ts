import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubeconfigFor } from './kubeconfig.ts';
import { Authority, makeKeyPair, type Identity, type Subject } from './x509.ts';

/** The keys and certificates of one API server, as files in a folder. */
export interface Pki {
  readonly authority: Authority;
  /** Member of system:masters: may do everything. */
  readonly admin: Identity;
  readonly files: {
    readonly ca: string;
    readonly caKey: string;
    readonly server: string;
    readonly serverKey: string;
    readonly kubeletClient: string;
    readonly kubeletClientKey: string;
    readonly frontProxy: string;
    readonly frontProxyKey: string;
    readonly tokenKey: string;
    readonly tokenPublicKey: string;
  };
  /** Writes a kubeconfig with a client certificate of its own into the folder, and answers its path. */
  writeKubeconfig(fileName: string, url: string, subject: Subject): Promise<string>;
}

/** Makes everything anew. `hosts` are the names and addresses that the API server is called by. */
export async function makePki(dir: string, cluster: string, hosts: readonly string[]): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(dir, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const authority = new Authority(`${cluster}-ca`);
  const tokens = makeKeyPair();
  const server = authority.issue({ user: 'kube-apiserver' }, hosts);
  const kubeletClient = authority.issue({ user: 'kube-apiserver-kubelet', groups: ['system:masters'] });
  const frontProxy = authority.issue({ user: frontProxyName });
  return {
    authority,
    admin: authority.issue({ user: 'admin', groups: ['system:masters'] }),
    files: {
      ca: await write('ca.crt', authority.certificate),
      caKey: await write('ca.key', authority.key),
      server: await write('server.crt', server.certificate),
      serverKey: await write('server.key', server.key),
      kubeletClient: await write('kubelet-client.crt', kubeletClient.certificate),
      kubeletClientKey: await write('kubelet-client.key', kubeletClient.key),
      frontProxy: await write('front-proxy.crt', frontProxy.certificate),
      frontProxyKey: await write('front-proxy.key', frontProxy.key),
      tokenKey: await write('tokens.key', tokens.privateKey),
      tokenPublicKey: await write('tokens.pub', tokens.publicKey),
    },
    writeKubeconfig: (fileName, url, subject) =>
      write(fileName, kubeconfigFor(cluster, url, authority.certificate, authority.issue(subject))),
  };
}

/** The only name that the API server believes when another server forwards a request in a user's name. */
export const frontProxyName = 'front-proxy-client';
